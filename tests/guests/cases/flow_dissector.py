"""A flow dissector says what a packet's flow is: packets of one sender have one hash."""

from run_network import Frame, Wire
from surroundings import own_wire

from pyebpf import FLOW, Hash, IPv4, be32, flow_dissector, tc, u16, u32, u64
from pyebpf.helpers import get_hash_recalc, set_hash_invalid

SINCE = (5, 8)
MACHINES = ("x86_64", "s390x")  # arm64's kernel has cls_bpf as a module
MODULES = ("veth", "sch_ingress", "cls_bpf")

hashes, kinds = Hash[u32, u32](max_entries=64), Hash[u16, u64](max_entries=64)


@flow_dissector
def alike(packet):
    keys = packet.flow_keys
    kinds[keys.n_proto] += 1
    if keys.n_proto != 0x0800:
        return FLOW.CONTINUE
    ip = packet.parse(IPv4)
    keys.addr_proto, keys.ip_proto = 0x0800, ip.protocol
    keys.ipv4_src = keys.ipv4_dst = ip.saddr
    keys.sport = keys.dport = 1
    keys.thoff = packet.offset
    return FLOW.OK


@tc.ingress
def hashed(packet):
    set_hash_invalid(packet)
    hashes[packet.load(len(packet) - 4, be32)] = get_hash_recalc(packet)


def where():
    wire = own_wire()
    return {"alike": "/proc/thread-self/ns/net", "hashed": wire.inside}


def check(session):
    frames = [Frame.udp("10.0.0.1"), Frame.tcp("10.0.0.1")[:23] + b"\x11" + Frame.tcp("10.0.0.1")[24:]]
    frames.append(Frame.udp("10.0.0.3"))
    assert all(Wire("inside", "outside").arrives(*frames))
    found = session.maps["hashes"].to_dict()
    one, other, third = (found[0xC0DE0000 + number] for number in range(3))
    assert one == other != third, found
    assert session.maps["kinds"][0x0800] >= 3 and not session.faults
    run = session.programs["alike"].test_run(Frame.udp("10.0.0.9"))
    assert run.result == 0 and (run.ctx.nhoff, run.ctx.thoff, run.ctx.ip_proto) == (14, 34, 17)
