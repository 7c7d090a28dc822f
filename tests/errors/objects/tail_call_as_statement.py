from pyebpf import XDP, ProgArray, xdp

jumps = ProgArray(max_entries=4)


@xdp
def probe(packet):
    jumps[1](packet)  # error
    verdict = jumps[2](packet)  # error
    return XDP.PASS
