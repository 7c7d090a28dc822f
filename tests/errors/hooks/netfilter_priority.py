from pyebpf import netfilter


@netfilter(pf="ipv4", hook="forward", priority=2**40)  # error
def probe(skb):
    pass
