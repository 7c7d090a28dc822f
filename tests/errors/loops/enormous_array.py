from pyebpf import XDP, i32, xdp


@xdp
def probe(packet):
    numbers = i32[1416857843203618]()  # error
    return XDP.PASS if numbers[0] else XDP.DROP
