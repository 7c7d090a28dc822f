"""Networks: the longest prefix wins."""

from ipaddress import IPv4Network

from run_network import Frame
from surroundings import test_run

from pyebpf import XDP, Ethernet, Global, IPv4, LpmTrie, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False

routes = LpmTrie[IPv4Network, u32](max_entries=64)
found = Global[u64](0)


@xdp
def look(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    if ip.saddr not in routes:
        return XDP.DROP
    found.value = routes[ip.saddr]
    return XDP.TX


def check(session):
    routes = session.maps["routes"]
    routes["10.0.0.0/8"], routes["10.1.0.0/16"] = 8, 16
    assert routes.to_dict() == {IPv4Network("10.0.0.0/8"): 8, IPv4Network("10.1.0.0/16"): 16}
    for source, result, expected in (("10.1.2.3", XDP.TX, 16), ("10.2.2.3", XDP.TX, 8), ("11.1.2.3", XDP.DROP, 8)):
        assert test_run(session, "look", Frame.udp(source)) == result, source
        assert session.variables["found"].value == expected, source
