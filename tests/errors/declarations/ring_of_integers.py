from pyebpf import RingBuf, tracepoint, u64

events = RingBuf[u64](size=4096)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event = 1
