"""The memory of a context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from pyebpf.simulator.errors import SimulationError
from pyebpf.simulator.memory import Memory


@final
class Record(Memory):
    """A context; bytes that the test didn't supply are undefined."""

    __slots__ = ("fields", "what")

    def __init__(self, what: str, size: int, fields: Mapping[str, tuple[int, int]]) -> None:
        super().__init__(f"the context of {what}", bytes(size), defined=False)
        self.what = what
        self.fields = dict(fields)
        """Offset and size by name, for messages."""

    def undefined(self, offset: int, size: int) -> None:
        names = [name for name, (at, length) in self.fields.items() if at <= offset < at + length]
        name = names[0] if names else f"byte {offset}"
        raise SimulationError(
            f"the program reads {name} of its context, which the test doesn't supply: ctx={{{name!r}: …}}"
        )

    def set(self, offset: int, data: bytes) -> None:
        """What the test supplies."""
        self.writable = True
        self.write(offset, data)
        self.writable = False
