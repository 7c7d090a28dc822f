# options: --kernel 5.10
from pyebpf import XDP, xdp


@xdp.frags
def whole(packet):  # error
    return XDP.PASS
