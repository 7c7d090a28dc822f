from pyebpf import XDP, u8, xdp


@xdp
def probe(packet):
    if packet.load(0, u8) > 255:  # warning
        return XDP.DROP
    return XDP.PASS
