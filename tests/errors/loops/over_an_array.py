from pyebpf import RingBuf, struct, tracepoint, u64


@struct
class Event:
    values: u64[4]


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        for value in event.values:  # error
            print(value)
