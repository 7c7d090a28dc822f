from pyebpf import Global, pid, tracepoint, u32

out = Global[u32](0)

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    low, high = 1, 2, pid()  # error
    low, (middle, high) = 1, 2  # error
    a, b, c = 1, 2  # error
