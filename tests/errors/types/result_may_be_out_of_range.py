from pyebpf import xdp


@xdp
def drop(packet):
    return len(packet)  # error
