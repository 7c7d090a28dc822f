"""A kfunc of a module: it looks for a connection that there isn't, and says so."""

import struct

from pyebpf import XDP, Array, Ethernet, IPv4, NullPointerError, be16, be32, i32, u8, u64, xdp
from pyebpf import struct as layout
from pyebpf.kfuncs import bpf_xdp_ct_lookup

SINCE = (5, 18)
MODULES = ("nf_conntrack",)
ATTACH = False
JIT = True
ENOENT = -2


@layout(packed=True)
class Flow:
    saddr: be32
    daddr: be32
    sport: be16
    dport: be16


@layout
class Options:
    netns_id: i32
    error: i32
    l4proto: u8
    dir: u8
    reserved: u8[2]


seen = Array[u64](max_entries=2)


@xdp
def look(packet):
    packet.parse(Ethernet)
    packet.parse(IPv4)
    flow = Flow()
    packet.read(packet.offset - 8, flow)
    options = Options(netns_id=-1, l4proto=6)
    try:
        with bpf_xdp_ct_lookup(packet, flow, options) as connection:
            seen[0] += connection.timeout > 0
    except NullPointerError:
        if options.error == ENOENT:
            seen[1] += 1
    return XDP.PASS


def check(session):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    packet = bytes(12) + b"\x08\x00" + ip + struct.pack("!HHIIHHHH", 80, 443, 0, 0, 0x5002, 0, 0, 0)
    for _ in range(3):
        assert session.programs["look"].test_run(packet).result == XDP.PASS
    assert list(session.maps["seen"]) == [0, 3]
