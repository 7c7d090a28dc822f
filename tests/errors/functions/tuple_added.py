from pyebpf import pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    pair = (1, 2) + 3  # error
    many = (1, 2) * pid()  # error
    all = (1, 2) * 1000  # error
