"""The name of an event given to another one inside its block."""

from pyebpf import XDP, RingBuf, struct, u32, xdp


@struct
class Event:
    size: u32


ring = RingBuf[Event](size=4096)


@xdp
def probe(packet):
    with ring.reserve() as event:
        for _ in range(2):
            with ring.reserve() as event:
                event.size = len(packet)
                break
        event.size = 1  # error
    return XDP.PASS
