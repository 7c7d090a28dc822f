from pyebpf import pid, tid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(pid() @ tid())  # error
