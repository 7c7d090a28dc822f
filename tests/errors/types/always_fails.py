from pyebpf import RingBuf, struct, tracepoint, u32


@struct
class Event:
    values: u32[4]


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        for i in range(4, 8):
            event.values[i] = 1  # error
