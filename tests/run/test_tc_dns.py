"""tc_dns counts DNS queries by server and drops those to blocked ones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from types import ModuleType

import pytest
from run_network import Frame, Wire

import pyebpf

pytestmark = pytest.mark.usefixtures("nothing_left")
SERVER = IPv4Address("10.0.0.2")


def test_queries_are_counted_and_dropped(sample: Callable[[str], ModuleType], wire: Wire) -> None:
    module = sample("tc_dns")
    query, other = Frame.udp("10.0.0.1"), Frame.ipv4("10.0.0.1", 17, struct.pack("!HHHH", 5000, 123, 8, 0))
    with pyebpf.load(module, where={"queries": wire.outside}) as session:
        assert wire.arrives(query, other, once=True) == [True, True]
        assert module.queries_to.to_dict() == {SERVER: 1} and not module.dropped.value
        module.blocked[SERVER] = 1
        assert wire.arrives(query, other, Frame.arp("10.0.0.1"), once=True) == [False, True, True]
        assert module.queries_to[SERVER] == 2 and module.dropped.value == 1 and not session.faults
    assert wire.arrives(query) == [True]
