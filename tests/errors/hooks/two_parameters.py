from pyebpf import XDP, xdp


@xdp
def drop(packet, size):  # error
    return XDP.DROP
