"""Packets in several pieces: what TCP sends lies in other pages than its headers, and is read all the same."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from run_kernel import in_child
from run_network import Wire, set_up

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import Ethernet, IPv4, PacketTooShort, Tcp

@struct
class Words:
    first: be16
    second: be16

word, pair = Global[u64](0), Global[u64](0)
payload, count = Global[u8[64]](), Global[u64](48)
seen, elsewhere, missing = Global[u64](0), Global[u64](0), Global[u64](0)

@cgroup.skb.egress
def leaving(packet):
    packet.parse(IPv4)
    if len(packet) < 1000:
        return 1
    packet.parse(Tcp)
    start = packet.offset
    seen.value += 1
    try:
        packet.parse(Ethernet)                  # of the first piece only, as every header
    except PacketTooShort:
        elsewhere.value += 1
    word.value = packet.load(start + 256, be32)
    words = packet.load(start + 512, Words)
    pair.value = words.first * 65536 + words.second
    packet.read(start + 3, payload.value[:count.value])
    try:
        packet.read(len(packet) - 8, payload.value[:9])
    except PacketTooShort:
        missing.value += 1
    return 1
"""


def test_what_tcp_sends(program: Callable[[str], ModuleType], wire: Wire, cgroup: Path) -> None:
    set_up("lo")
    sent = bytes(number * 7 % 251 for number in range(2000))

    def child() -> str:
        (cgroup / "cgroup.procs").write_text("0")
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            accepted, received = server.accept()[0], b""
            client.sendall(sent)
            while len(received) < len(sent):
                received += accepted.recv(4096)
            accepted.close()
            return received.hex()

    with pyebpf.load(program(PROGRAM).leaving, where={"leaving": cgroup}) as session:
        assert in_child(child) == sent.hex()
        found = {name: view.value for name, view in session.variables.items()}
        assert found["seen"] >= 1 and found["elsewhere"] == found["missing"] == found["seen"]
        assert found["word"] == int.from_bytes(sent[256:260], "big")
        assert found["pair"] == int.from_bytes(sent[512:516], "big")
        assert bytes(found["payload"])[:48] == sent[3:51] and not session.faults
