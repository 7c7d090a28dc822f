# options: --kernel 5.10
from pyebpf import XDP, xdp
from pyebpf.helpers import get_numa_node_id, skb_ecn_set_ce, xdp_get_buff_len

__license__ = "Proprietary"


@xdp
def probe(packet):
    skb_ecn_set_ce(packet)  # error
    node = get_numa_node_id()
    return XDP.PASS if node < xdp_get_buff_len(packet) else XDP.DROP  # error
