from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    async with pid() as x:  # error
        print(x)
