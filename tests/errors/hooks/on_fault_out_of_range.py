from pyebpf import XDP, xdp


@xdp(on_fault=9)  # error
def drop(packet):
    return XDP.DROP
