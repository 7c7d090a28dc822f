from pyebpf import XDP, ProgArray, xdp


@xdp
def drop(packet):
    return XDP.DROP


jumps = ProgArray({6: drop}, max_entries=6)  # error
