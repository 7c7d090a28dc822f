from pyebpf import pid, tracepoint


@tracepoint("raw_syscalls:sys_enter")
async def probe(ctx):  # error
    print(pid())
