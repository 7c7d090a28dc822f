"""Helpers that take sockets: which cgroup one belongs to, and whether it is one of TCP."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import pyebpf
from pyebpf import Array, Hash, SockHash, cgroup, u32, u64
from pyebpf.helpers import get_attach_cookie, get_current_task_btf, sk_ancestor_cgroup_id, sk_cgroup_id, skc_to_tcp_sock
from pyebpf.kernel.sockets import FIELDS

pytestmark = pytest.mark.usefixtures("nothing_left")
SENDER = """
import pathlib, socket, sys
pathlib.Path(sys.argv[1], "cgroup.procs").write_text("0")
server = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(server.getsockname()) as client, server.accept()[0] as other:
    client.sendall(b"x")
    assert other.recv(1) == b"x"
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.sendto(b"y", server.getsockname())
"""
belongs = Array[u64](max_entries=2)
kinds = Array[u64](max_entries=2)
cookies = Array[u64](max_entries=1)
ports = SockHash(max_entries=4)
marks = Hash[u32, u64](max_entries=64)
states = pyebpf.TaskStorage[u64]()


@cgroup.skb.egress
def leaves(packet):
    belongs[0] = sk_cgroup_id(packet.socket)
    belongs[1] = sk_ancestor_cgroup_id(packet.socket, 0)
    tcp = skc_to_tcp_sock(packet.socket)
    kinds[0 if tcp is None else 1] += 1
    return 1


@pyebpf.raw_tracepoint("sys_enter")
def enters(ctx):
    states[get_current_task_btf()] = 1


@pyebpf.tracepoint("raw_syscalls:sys_enter")
def without_the_context(ctx):
    cookies[0] = get_attach_cookie()


@pyebpf.tc.ingress
def around_loops(packet):
    with ports[1] as one:
        for port in marks:
            with ports[port] as other:
                if other.mark == one.mark:
                    break
                if other.priority == 7:
                    return pyebpf.TC.SHOT
                marks[other.mark] += 1
        for number in range(100_000):
            if number == one.mark:
                return pyebpf.TC.OK
            marks[u32(number)] += 1


def test_sockets_and_their_cgroups(request: pytest.FixtureRequest) -> None:
    place: Path = request.getfixturevalue("cgroup")
    with pyebpf.load(leaves, where={"leaves": place}) as session:
        subprocess.run([sys.executable, "-c", SENDER, str(place)], check=True)
        root = next(parent for parent in place.parents if parent.is_mount())
        assert list(belongs) == [place.stat().st_ino, root.stat().st_ino]
        datagrams, segments = kinds
        assert datagrams == 1 and segments > 4
        assert not session.faults


@pytest.mark.parametrize("probe", [enters, without_the_context, around_loops], ids=lambda probe: probe.__name__)
def test_the_verifier_takes_them(probe: object) -> None:
    with pyebpf.load(probe, attach=False) as session:
        assert session.programs


FOUND = {
    "bpf_sock": "with sk_lookup_tcp(packet, flow, BPF_F_CURRENT_NETNS, 0) as found:",
    "bpf_sock_common": "with skc_lookup_tcp(packet, flow, BPF_F_CURRENT_NETNS, 0) as found:",
    "bpf_tcp_sock": "with sk_lookup_tcp(packet, flow, BPF_F_CURRENT_NETNS, 0) as socket:\n"
    "        found = tcp_sock(socket)",
}


@pytest.mark.parametrize("struct", FIELDS)
def test_every_field_can_be_read(struct: str, tmp_path: Path) -> None:
    names = [field.name for field in FIELDS[struct]]
    lines = [
        f"        addresses[0] = found.{name}" if name.endswith("ip6") else f"        sums[{place}] = u64(found.{name})"
        for place, name in enumerate(names)
    ]
    source = tmp_path / "fields.py"
    source.write_text(
        "from pyebpf import BPF_F_CURRENT_NETNS, TC, Array, IPv6Address, tc, u8, u64\n"
        "from pyebpf.helpers import sk_lookup_tcp, skc_lookup_tcp, tcp_sock\n\n"
        "sums, addresses = Array[u64](max_entries=64), Array[IPv6Address](max_entries=1)\n\n"
        "@tc.ingress\ndef probe(packet):\n    flow = u8[12]()\n"
        f"    {FOUND[struct]}\n" + "\n".join(lines) + "\n    return TC.OK\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pyebpf.CompileWarning)
        with pyebpf.load(source, attach=False) as session:
            assert session.programs
