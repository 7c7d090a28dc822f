"""AF_XDP sockets, in copy mode: what a program sends to one by its map is read from the memory that they share."""

from __future__ import annotations

import io

import pytest
from af_xdp import receiver
from run_network import Frame, Wire

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *
from pyebpf import Ethernet
from pyebpf.helpers import redirect_map
rings, seen = XskMap(max_entries=4), Hash[u16, u64](max_entries=8)

@xdp
def to_a_socket(packet):
    eth = packet.parse(Ethernet)
    seen[eth.proto] += 1
    return redirect_map(rings, packet.rx_queue_index, XDP.PASS) if eth.proto == 0x0800 else XDP.PASS
"""


def test_packets_come_to_a_socket(session: pyebpf.Session, wire: Wire) -> None:
    with receiver(wire.inside) as (opened, there):
        link = session.attach("to_a_socket", wire.inside)
        query, who = Frame.udp("10.0.0.1"), Frame.arp("10.0.0.1")
        assert wire.arrives(query) == [True]  # nothing is in the map yet: it passes
        session.maps["rings"][0] = opened
        assert wire.arrives(query, who, query) == [False, True, False]
        assert [packet[: len(query)] for packet in there.packets(2)] == [query, query]
        with pytest.raises(io.UnsupportedOperation, match="doesn't tell of the sockets"):
            session.maps["rings"].to_dict()
        with pytest.raises(KeyError):
            session.maps["rings"][4] = opened
        del session.maps["rings"][0]
        assert wire.arrives(query) == [True] and len(there.packets(2)) == 2
        assert session.maps["seen"].to_dict()[0x0800] == 4 and not session.faults
        link.detach()
