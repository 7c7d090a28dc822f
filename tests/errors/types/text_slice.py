from pyebpf import comm, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(comm()[0:4])  # error
