from pyebpf import XDP, xdp


@xdp
def drop(packet):
    return XDP.DROP()  # error
