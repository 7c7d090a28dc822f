from pyebpf import Config, tracepoint, u32

limit = Config[u32](7)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    limit.value = 3  # error
