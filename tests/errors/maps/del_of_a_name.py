from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    x = pid()
    del x  # error
