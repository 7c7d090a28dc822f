from pyebpf import comm, pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(pid() and comm())  # error
