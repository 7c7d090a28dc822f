from pyebpf import tracepoint

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    first, *rest = 1, 2, 3  # error
