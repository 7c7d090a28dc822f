from pyebpf import XDP, Ethernet, xdp


@xdp
def firewall(packet):
    eth = packet.parse(Ethernet)
    if eth.proto == ETH_P_ARP:  # error
        return XDP.DROP
    return XDP.PASS
