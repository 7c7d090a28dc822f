from pyebpf import Config, tracepoint, u8

level = Config[u8]("high")  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(level.value)
