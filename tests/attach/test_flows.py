"""Flow dissectors: what they find out decides about a packet's hash, in a network namespace of the test's own."""

from __future__ import annotations

import pytest
from run_kernel import in_child
from run_network import Frame, Wire

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *
from pyebpf import IPv4, Udp
from pyebpf.helpers import get_hash_recalc, set_hash_invalid
hashes, kinds = Hash[u32, u32](max_entries=64), Hash[u16, u64](max_entries=64)

@flow_dissector
def alike(packet):
    keys = packet.flow_keys
    kinds[keys.n_proto] += 1
    if keys.n_proto != 0x0800:
        return FLOW.DROP if keys.n_proto == 0x88B6 else FLOW.CONTINUE
    ip = packet.parse(IPv4)
    keys.addr_proto, keys.ip_proto = 0x0800, ip.protocol
    keys.ipv4_src = keys.ipv4_dst = ip.saddr       # all that one sender sends is a flow
    keys.sport = keys.dport = 1
    keys.thoff = packet.offset
    return FLOW.OK

@flow_dissector
def strict(packet):
    first = u8[4]()
    packet.read(packet.offset, first)
    assert first[0] == 0x45
    packet.parse(IPv4)
    kinds[packet.parse(Udp).dest] += 1
    return FLOW.OK

@tc.ingress
def hashed(packet):
    set_hash_invalid(packet)
    hashes[packet.load(len(packet) - 4, be32)] = get_hash_recalc(packet)
"""
HERE = "/proc/thread-self/ns/net"


def frame(source: str, port: int) -> bytes:
    udp = bytearray(Frame.udp(source))
    udp[34:36] = port.to_bytes(2, "big")
    return bytes(udp)


def hashes(session: pyebpf.Session, wire: Wire, *frames: bytes) -> list[int]:
    assert all(wire.arrives(*frames))
    found = session.maps["hashes"].to_dict()
    session.maps["hashes"].clear()
    return [found[0xC0DE0000 + number] for number in range(len(frames))]


def test_what_is_found_decides_about_the_hash(session: pyebpf.Session, wire: Wire) -> None:
    session.attach("hashed", wire.inside)
    frames = [frame("10.0.0.1", 1), frame("10.0.0.1", 2), frame("10.0.0.3", 1)]
    one, other, third = hashes(session, wire, *frames)
    assert len({one, other, third}) == 3
    link = session.attach("alike", HERE)
    one, other, third = hashes(session, wire, *frames)
    assert one == other != third and session.maps["kinds"][0x0800] >= 3 and not session.faults
    assert link.info.kind == "network namespace"
    link.detach()
    one, other, third = hashes(session, wire, *frames)
    assert len({one, other, third}) == 3


def test_a_fault_leaves_it_to_the_kernel(session: pyebpf.Session, wire: Wire) -> None:
    session.attach("hashed", wire.inside)
    frames = [frame("10.0.0.1", 1), frame("10.0.0.1", 2)]
    before = hashes(session, wire, *frames, Frame.ethernet(0x0800, b"\\x46"))
    session.attach("strict", HERE)
    assert hashes(session, wire, *frames, Frame.ethernet(0x0800, b"\\x46"))[2] == before[2]
    assert {fault.kind for fault in session.faults} <= {"AssertionError", "PacketTooShort"} and session.faults


def test_run_gives_the_keys(session: pyebpf.Session) -> None:
    run = session.programs["alike"].test_run(Frame.udp("10.0.0.9"))
    assert run.result == pyebpf.FLOW.OK and str(run.ctx.ipv4_dst) == "10.0.0.9"
    assert (run.ctx.nhoff, run.ctx.thoff, run.ctx.ip_proto, run.ctx.sport) == (14, 34, 17, 1)
    assert session.programs["alike"].test_run(Frame.ethernet(0x88B6)).result == pyebpf.FLOW.DROP
    assert session.programs["alike"].test_run(Frame.udp("10.0.0.9")[:30]).result == pyebpf.FLOW.CONTINUE
    [fault] = session.faults
    assert fault.kind == "PacketTooShort"


def test_one_program_a_namespace(session: pyebpf.Session) -> None:
    session.attach("alike", HERE)
    with pytest.raises(pyebpf.LoadError, match="another program is there"):
        session.attach("strict", HERE)

    def elsewhere() -> bool:
        from run_kernel import unshare_network

        unshare_network()
        session.attach("strict", HERE)
        return True

    assert in_child(elsewhere)
