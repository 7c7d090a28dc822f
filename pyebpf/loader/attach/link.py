"""A link: a program at its hook, for as long as its descriptors are open."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol, final


class Closable(Protocol):
    def close(self) -> None: ...


@final
class Link:
    """An attached program. `program` and `where` are names for people."""

    def __init__(self, program: str, where: str, holders: tuple[Closable, ...]) -> None:
        self.program = program
        self.where = where
        self._holders = holders

    @property
    def attached(self) -> bool:
        return bool(self._holders)

    def detach(self) -> None:
        """Take the program from its hook; nothing happens the second time."""
        holders, self._holders = self._holders, ()
        for holder in holders:
            with suppress(OSError):
                holder.close()

    def __repr__(self) -> str:
        return f"<Link {self.program} → {self.where}{'' if self.attached else ', detached'}>"
