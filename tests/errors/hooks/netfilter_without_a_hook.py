from pyebpf import netfilter


@netfilter(pf="ipv6", priority=3)  # error
def probe(skb):
    pass
