from pyebpf import XDP, function, u8, xdp


@function
def risky(n):
    w = 1
    return 100 // n + w


@xdp
def probe(packet):
    try:
        n = risky(packet.load(0, u8))
        w = 3
    except ZeroDivisionError:
        n = w  # error
    return XDP.DROP if n > 3 else XDP.PASS
