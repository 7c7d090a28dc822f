# options: --kernel 5.4
from pyebpf import RingBuf, raw_tracepoint, struct, u64


@struct
class Event:
    number: u64


events = RingBuf[Event](size=4096)
lines = RingBuf[str](size=4096)


@raw_tracepoint("sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.number = ctx.args[0]
    lines.output("text")  # error
