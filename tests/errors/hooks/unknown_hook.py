from pyebpf import tracepiont  # error


@tracepiont("raw_syscalls:sys_enter")
def probe(ctx):
    pass
