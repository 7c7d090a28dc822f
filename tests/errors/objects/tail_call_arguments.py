from pyebpf import XDP, ProgArray, xdp

jumps = ProgArray(max_entries=4)


@xdp
def probe(packet):
    if len(packet) == 1:
        return jumps[0]()  # error
    if len(packet) == 2:
        return jumps[0](packet, 1)  # error
    if len(packet) == 3:
        return jumps[0](7)  # error
    if len(packet) == 4:
        return jumps["tcp"](packet)  # error
    if len(packet) == 5:
        return jumps[0]  # error
    jumps[0] = 1  # error
    if 0 in jumps:  # error
        return XDP.DROP
    return XDP.PASS
