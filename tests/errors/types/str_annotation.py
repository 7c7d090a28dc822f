from pyebpf import comm, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    name: str = comm()  # error
    print(name)
