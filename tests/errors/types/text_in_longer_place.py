from pyebpf import RingBuf, char, comm, struct, tracepoint


@struct
class Event:
    name: char[8]


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    name = comm()
    with events.reserve() as event:
        event.name = name  # error
