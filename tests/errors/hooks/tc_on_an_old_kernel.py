# options: --kernel 5.10
from pyebpf import tc
from pyebpf.helpers import skb_set_tstamp


@tc.egress
def stamps(packet):
    if packet.tstamp_type:  # error
        skb_set_tstamp(packet, 0, 0)  # error
