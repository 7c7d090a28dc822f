"""Loaded arrays of programs: what is in a slot can be called, and is a program of the session."""

from __future__ import annotations

import errno
import operator
import struct
from collections.abc import Iterator, Mapping
from typing import Any, SupportsIndex, final

from pyebpf.loader import sys
from pyebpf.loader.errors import explain
from pyebpf.loader.load import LoadedMap
from pyebpf.runtime.programs import Program


@final
class ProgArrayView:
    """A loaded ProgArray: slots by number, each with a program or nothing. Raises LoadError when the kernel refuses."""

    def __init__(self, loaded: LoadedMap, programs: Mapping[str, Program]) -> None:
        self.name = loaded.spec.name
        self.kind = loaded.spec.kind
        self._loaded = loaded
        self._programs = programs

    def _key(self, slot: SupportsIndex) -> bytes:
        number = operator.index(slot)
        if not 0 <= number < self._loaded.spec.max_entries:
            raise KeyError(slot)
        return struct.pack("=I", number)

    def __getitem__(self, slot: SupportsIndex) -> Program | int:
        """The program in a slot; its id if it is none of this session's. KeyError if the slot is empty."""
        found = sys.map_lookup(self._loaded.fd, self._key(slot), 4)
        if found is None:
            raise KeyError(slot)
        number = int(struct.unpack("=I", found)[0])
        return next((program for program in self._programs.values() if program.id == number), number)

    def __setitem__(self, slot: SupportsIndex, program: Any) -> None:
        """Put in a program of a session, or one of this session by its name or its probe."""
        name = program if isinstance(program, str) else getattr(program, "__name__", "")
        found = self._programs.get(name, program)
        if not isinstance(found, Program):
            raise TypeError(f"{self.name} takes programs, not {program!r}")
        try:
            sys.map_update(self._loaded.fd, self._key(slot), struct.pack("=i", found.loaded.fd))
        except OSError as error:
            raise explain(error, f"put {found.name} into map {self.name}") from None

    def __delitem__(self, slot: SupportsIndex) -> None:
        if not sys.map_delete(self._loaded.fd, self._key(slot)):
            raise KeyError(slot)

    def __contains__(self, slot: object) -> bool:
        try:
            return sys.map_lookup(self._loaded.fd, self._key(slot), 4) is not None  # type: ignore[arg-type]
        except (KeyError, TypeError):
            return False

    def __iter__(self) -> Iterator[int]:
        """The slots that are filled."""
        return iter([slot for slot in range(self._loaded.spec.max_entries) if slot in self])

    def __len__(self) -> int:
        """How many slots are filled."""
        return sum(1 for _ in self)

    def items(self) -> list[tuple[int, Program | int]]:
        return [(slot, self[slot]) for slot in self]

    def clear(self) -> None:
        """Empty every slot."""
        for slot in self:
            try:
                sys.map_delete(self._loaded.fd, self._key(slot))
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise

    def __repr__(self) -> str:
        return f"<{self.kind or 'ProgArray'} {self.name} of {self._loaded.spec.max_entries}>"
