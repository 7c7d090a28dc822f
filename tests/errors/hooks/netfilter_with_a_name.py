from pyebpf import netfilter


@netfilter("ipv4:local_in", pf="ipv4")  # error
def probe(skb):
    pass
