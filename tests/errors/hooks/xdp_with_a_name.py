from pyebpf import XDP, xdp


@xdp("eth0")  # error
def drop(packet):
    return XDP.DROP
