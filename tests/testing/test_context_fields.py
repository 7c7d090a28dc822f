"""Fields of contexts in the simulator, and where the kernel runs the same program, there."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from places import import_file

from pyebpf.kernel.hooks import CgroupAction, TcAction
from pyebpf.testing import SimulationError, Simulator

PROGRAM = """
from pyebpf import *
from pyebpf import Ethernet
ports = Hash[u16, u64](max_entries=8)

@tc.egress
def shape(packet):
    eth = packet.parse(Ethernet)
    packet.mark |= 8
    packet.cb[1] = u32(packet.mark + packet.cb[0])
    eth.source = eth.dest
    return TC.SHOT if packet.protocol == 0x0806 else TC.UNSPEC

@cgroup.connect4
def connecting(ctx):
    ports[ctx.user_port] += 1
    if ctx.user_ip4 == IPv4Address("10.1.2.3"):
        ctx.user_ip4 = IPv4Address("127.0.0.1")
        ctx.user_port = u16(ctx.user_port + 1)
    return ctx.user_port != 23

@cgroup.sendmsg6
def sending(ctx):
    if ctx.user_ip6 == IPv6Address("2001:db8::1"):
        ctx.user_ip6 = IPv6Address("::1")
    ctx.msg_src_ip6 = ctx.user_ip6

@cgroup.device
def device(ctx):
    return ctx.type == 2 and ctx.access == 6
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("fields") / "program.py"
    path.write_text(PROGRAM)
    return import_file(path)


FRAME = bytes(range(12)) + b"\x08\x06" + bytes(30)


def test_packets(module) -> None:  # type: ignore[no-untyped-def]
    with Simulator() as simulate:
        found = simulate(module.shape, packet=FRAME, ctx={"mark": 3, "cb": [5], "protocol": 0x0806})
        assert found.result is TcAction.SHOT and found.packet == FRAME[:6] * 2 + FRAME[12:]
        assert found.ctx["mark"] == 11 and found.ctx["len"] == len(FRAME) and found.ctx["protocol"] == 0x0806
        found = simulate(module.shape, packet=FRAME, ctx={"mark": 3, "cb": [5, 0, 0, 0, 0], "protocol": 0x0800})
        assert found.result is TcAction.UNSPEC and found.ctx["cb"] == (5, 16, 0, 0, 0)


def test_addresses(module) -> None:  # type: ignore[no-untyped-def]
    with Simulator() as simulate:
        found = simulate(module.connecting, ctx={"user_ip4": "10.1.2.3", "user_port": 443})
        assert found.result is CgroupAction.ALLOW
        assert found.ctx == {"user_ip4": IPv4Address("127.0.0.1"), "user_port": 444}
        assert simulate(module.connecting, ctx={"user_ip4": "10.1.2.4", "user_port": 23}).result is CgroupAction.DENY
        assert module.ports.to_dict() == {443: 1, 23: 1}
        found = simulate(module.sending, ctx={"user_ip6": "2001:db8::1"})
        assert found.ctx["msg_src_ip6"] == found.ctx["user_ip6"] == IPv6Address("::1")
        assert simulate(module.device, ctx={"type": 2, "access": 6}).result is CgroupAction.ALLOW
        assert simulate(module.device, ctx={"type": 1, "access": 6}).result is CgroupAction.DENY


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("shape", {"packet": FRAME}, "reads mark of its context"),
        ("shape", {"packet": FRAME, "ctx": {"marc": 1}}, "no field 'marc'"),
        ("shape", {"packet": FRAME, "ctx": {"mark": -1}}, "mark"),
        ("shape", {"packet": FRAME, "ctx": {"cb": [1] * 6}}, "up to"),
        ("shape", {"packet": FRAME, "ctx": {"protocol": 1 << 16}}, "protocol"),
        ("shape", {"packet": FRAME, "ctx": 3}, "a dict of its fields"),
        ("connecting", {"packet": FRAME, "ctx": {"user_port": 1}}, "has no packet"),
        ("connecting", {"ctx": {"user_ip6": "::1"}}, "no field 'user_ip6'"),
        ("connecting", {"ctx": {"user_ip4": "host"}}, "user_ip4"),
    ],
)
def test_what_is_no_context(module, name, arguments, message) -> None:  # type: ignore[no-untyped-def]
    with Simulator() as simulate, pytest.raises(SimulationError, match=message):
        simulate(getattr(module, name), **arguments)
