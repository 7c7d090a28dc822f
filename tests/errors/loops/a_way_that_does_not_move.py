from pyebpf import XDP, u8, xdp

@xdp
def probe(packet):
    at = total = 0
    while at < 40:  # error
        kind = packet.load(at, u8)
        if kind == 1:
            at += 1
            continue
        if kind > 9:
            total += 1
            continue
        at += kind + 1
    while at < 80:  # error
        for _ in range(3):
            if packet.load(at, u8) == total:
                at += 1
                break
    return XDP.PASS
