from pyebpf import pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    pair = (1, pid())
    pair = (1, 2, 3)  # error
    pair = 5  # error
