from pyebpf import pid, tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    pair = (1, 2) if pid() else (1, 2, 3)  # error
    other = (1, 2) if pid() else 5  # error
