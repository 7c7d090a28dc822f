from pyebpf import tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(ctx)  # error
