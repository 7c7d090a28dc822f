from pyebpf import XDP, function, u8, xdp


@function
def name(number):
    if number == 6:
        return "tcp"  # error
    return "other"  # error


@xdp
def probe(packet):
    return XDP.DROP if name(packet.load(0, u8)) == "tcp" else XDP.PASS
