from pyebpf import comm, pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(comm() if pid() > 1 else pid())  # error
