from pyebpf import XDP, socket_filter, xdp


@xdp  # error
@socket_filter
def drop(packet):
    return XDP.DROP
