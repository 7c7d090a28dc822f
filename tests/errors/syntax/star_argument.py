from pyebpf import pid, tid, tracepoint

both = (1, 2)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(max(*both, pid(), tid()))  # error
