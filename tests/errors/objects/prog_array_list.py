from pyebpf import XDP, ProgArray, xdp


@xdp
def drop(packet):
    return XDP.DROP


jumps = ProgArray([drop])  # error
