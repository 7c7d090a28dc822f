from pyebpf import RingBuf, char, struct, tracepoint


@struct
class Event:
    name: char[8]


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.name = "longer than eight"  # error
