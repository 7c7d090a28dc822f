from pyebpf import raw_tracepoint, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print("tracepoint")


@raw_tracepoint("sys_enter")
def probe(ctx):  # error
    print("raw")
