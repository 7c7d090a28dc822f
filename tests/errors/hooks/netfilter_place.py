from pyebpf import netfilter


@netfilter(pf="ipv4", hook="localin")  # error
def probe(skb):
    pass
