"""Markers (USDT): what the loader does for them, with arguments that are where the test says, which is nowhere."""

from __future__ import annotations

import struct
from sys import byteorder

from pyebpf.kernel.arguments import WORD
from pyebpf.kernel.usdt import ARGUMENT, HAS_COOKIES, MOST_ARGUMENTS, SPEC, SPECS, Where
from pyebpf.simulator.record import Record
from pyebpf.simulator.state import State


def place_arguments(context: Record, state: State) -> None:
    """Put the words of `context` into the record that the program reads by, as constants. Its number is 0, as the
    cookie is."""
    record = bytearray(SPEC.size)
    for number in range(MOST_ARGUMENTS):
        word = int.from_bytes(context.data[number * WORD : (number + 1) * WORD], byteorder)
        struct.pack_into("=QI", record, number * ARGUMENT.size, word, Where.CONSTANT)
    for ref, storage in state.maps.items():
        if ref.name == SPECS:
            storage.update_from(bytes(4), bytes(record), 0, 0)
    for variable, memory in state.variables.items():
        if variable.name == HAS_COOKIES:
            memory.data[:] = b"\1"
