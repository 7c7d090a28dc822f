"""The context of flow dissectors: what they are told of a packet, and what they have found out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pyebpf.decode import decoder
from pyebpf.encode import encode
from pyebpf.kernel.flows import FLOW_KEYS, KEYS
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.memory import Memory
from pyebpf.simulator.record import Record

ETHERNET: Final = 14
"""Bytes of the header that a packet starts with, unless the test says where its network header is."""
AT: Final = KEYS + 8
"""Where the keys lie, in a context made longer by them."""


def flow_memory(given: Any, packet: Memory | None) -> Record:
    """`ctx={"flags": 1}`: fields of the keys. The others are as the kernel has them at first."""
    assert packet is not None
    fields = {field.name: (AT + field.offset, field.type.size) for field in FLOW_KEYS.fields}
    record = Record("flow_dissector", AT + FLOW_KEYS.size, fields)
    record.set(AT, bytes(FLOW_KEYS.size))
    values: dict[str, Any] = {"nhoff": ETHERNET}
    if given is not None and not isinstance(given, Mapping):
        raise SimulationError(f"the context of a flow dissector is a dict of its keys' fields, not {given!r}")
    values |= given or {}
    values.setdefault("thoff", values["nhoff"])
    if values["nhoff"] == ETHERNET and len(packet.data) >= ETHERNET:
        values.setdefault("n_proto", int.from_bytes(packet.data[ETHERNET - 2 : ETHERNET], "big"))
    for name, value in values.items():
        field = FLOW_KEYS.field(str(name))
        if field is None:
            raise SimulationError(f"the flow's keys have no field {name!r}; {nearest(str(name), fields)}")
        try:
            record.set(AT + field.offset, encode(field.type, value, f"ctx.{name}"))
        except (TypeError, ValueError, OverflowError) as error:
            raise SimulationError(str(error)) from None
    record.writable = True
    return record


def keys_after(context: Memory) -> dict[str, Any]:
    """The keys as the program left them."""
    return decoded(bytes(context.data[AT : AT + FLOW_KEYS.size]))


def decoded(data: bytes) -> dict[str, Any]:
    """The fields of a `struct bpf_flow_keys`."""
    return {field.name: decoder(field.type)(data, field.offset) for field in FLOW_KEYS.fields}
