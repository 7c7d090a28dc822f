from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    x = pid()
    x @= 2  # error
    print(x)
