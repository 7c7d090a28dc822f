from pyebpf import Ethernet, IPv4, cgroup


@cgroup.skb.egress
def shape(packet):
    ip = packet.parse(IPv4)
    ip.ttl = 1  # error
    return 1
