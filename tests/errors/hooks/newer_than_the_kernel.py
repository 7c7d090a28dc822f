# options: --kernel 5.7
from pyebpf import RingBuf, boot_ns, raw_tracepoint, struct, u64, xdp, XDP


@struct
class Event:
    time: u64


events = RingBuf[Event](size=4096)
lines = RingBuf[str](size=4096)


@raw_tracepoint("sys_enter")
def probe(ctx):
    with events.reserve() as event:
        lines.output("text")  # error
        event.time = boot_ns()  # error


@xdp
def firewall(packet):  # error
    return XDP.PASS
