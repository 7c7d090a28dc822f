from pyebpf import XDP, freplace, tc, u32, xdp
from pyebpf.helpers import skb_load_bytes


@freplace("filter", xdp)
def result(packet):
    return 9  # error


@freplace("filter", tc.ingress)
def parameters(packet, other):  # error
    pass


@freplace("filter", xdp)
def field(packet):
    packet.mark = u32(packet.rx_queue_index)  # error
    return XDP.PASS
