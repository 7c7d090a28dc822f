from pyebpf import UserRingBuf, raw_tracepoint

commands = UserRingBuf[bytes](size=4096)  # error


@raw_tracepoint("sys_enter")
def probe(ctx):
    for command in commands:
        pass
