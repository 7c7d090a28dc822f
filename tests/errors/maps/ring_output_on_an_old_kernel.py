# options: --kernel 5.10
from pyebpf import XDP, Global, RingBuf, struct, u8, u32, xdp


@struct
class Head:
    number: u32


blobs = RingBuf[bytes](size=4096)
pairs = RingBuf[Head, bytes](size=4096)
data = Global[u8[64]]()


@xdp
def probe(packet):
    blobs.output(data.value)
    pairs.output(Head(), data.value)  # error
    return XDP.PASS
