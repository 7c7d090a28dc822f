from pyebpf import RingBuf, char, pid, struct, tracepoint


@struct
class Event:
    name: char[16]


events = RingBuf[Event](size=4096)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.name = f"process {pid()}"  # error
