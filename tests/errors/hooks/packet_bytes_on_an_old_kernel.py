# options: --kernel 5.10
from pyebpf import XDP, Global, u8, u64, xdp

size = Global[u64](0)


@xdp
def probe(packet):
    buffer = u8[64]()
    packet.read(14, buffer)
    packet.write(14, buffer)
    packet.read(14, buffer[: size.value])  # error
    packet.write(14, buffer[: size.value])  # error
    return XDP.PASS
