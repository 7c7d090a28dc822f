from pyebpf import cgroup


@cgroup.skb.egres  # error
def probe(packet):
    return 1
