from pyebpf import XDP, Ethernet, xdp


@xdp
def drop(packet):
    eth = packet.pars(Ethernet)  # error
    return XDP.DROP if eth.proto else XDP.PASS
