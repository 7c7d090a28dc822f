from pyebpf import XDP, Global, RingBuf, struct, u8, u32, user_str, xdp


@struct
class Head:
    number: u32


@struct
class Other:
    number: u32


blobs = RingBuf[bytes](size=4096)
lines = RingBuf[str](size=4096)
pairs = RingBuf[Head, bytes](size=4096)
events = RingBuf[Head](size=4096)
data = Global[u8[64]]()


@xdp
def probe(packet):
    blobs.output()  # error
    blobs.output(data.value, 5)  # error
    blobs.output(5)  # error
    lines.output(data.value)  # error
    lines.output(user_str(5))  # error
    pairs.output(data.value)  # error
    pairs.output(Other(), data.value)  # error
    pairs.output(head=Head(), data=data.value)  # error
    events.output(Other())  # error
    with pairs.reserve() as event:  # error
        event.number = 5
    with lines.reserve():  # error
        pass
    return XDP.PASS
