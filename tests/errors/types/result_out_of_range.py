from pyebpf import xdp


@xdp
def drop(packet):
    return 7  # error
