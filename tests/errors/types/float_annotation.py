from pyebpf import tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    x: float = 3  # error
    print(x)
