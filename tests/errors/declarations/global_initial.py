from pyebpf import Global, tracepoint, u8

level = Global[u8](300)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    print(level.value)
