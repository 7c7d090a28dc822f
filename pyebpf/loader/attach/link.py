"""A link: a program at its hook, for as long as its descriptors are open."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, final

from pyebpf.loader.sys import Descriptor, link_detach


class Closable(Protocol):
    def close(self) -> None: ...


@final
class Detaching:
    """A link of bpf(2) that leaves its hook when the process that made it closes it, though children of fork(2) have
    it open as well. Where the kernel can't do that (before 5.9), it stays until they end."""

    def __init__(self, descriptor: Descriptor) -> None:
        self.descriptor = descriptor
        self.process = os.getpid()

    def close(self) -> None:
        try:
            if os.getpid() == self.process and not self.descriptor.closed:
                with suppress(OSError):
                    link_detach(self.descriptor.fd)
        finally:
            self.descriptor.close()


@final
class Links(tuple["Link", ...]):
    """Links in the order in which they were made; also by the names of their programs: `session.links["on_open"]`."""

    def __getitem__(self, index: Any) -> Any:
        """A link by its number or its program's name, or some of them. Raises IndexError, KeyError."""
        if not isinstance(index, str):
            return super().__getitem__(index)
        for link in self:
            if link.program == index:
                return link
        raise KeyError(index)


@final
class Link:
    """An attached program. `program` and `where` are names for people.

    A child of fork(2) has it as well: what it detaches stays attached for its parent. What the parent detaches is gone
    where a link can be taken from its hook (XDP and cgroups, Linux 5.9), and elsewhere (tracepoints, packet sockets)
    when the child has ended, too, or has detached it.
    """

    def __init__(
        self, program: str, where: str, holders: tuple[Closable, ...], reading: Callable[[], bytes] | None = None
    ) -> None:
        self.program = program
        self.where = where
        self._holders = holders
        self._reading = reading

    @property
    def attached(self) -> bool:
        return bool(self._holders)

    @property
    def readable(self) -> bool:
        """Whether it is an iterator, whose program runs when it is read."""
        return self._reading is not None

    def read(self) -> bytes:
        """Run an iterator: its program, once for each thing that it goes through. What the program has written by
        `seq_write`; what it has put into maps and rings is there.

        Raises ValueError for what is no iterator or isn't attached any more, OSError as read(2) does.
        """
        if self._reading is None:
            raise ValueError(f"{self.program} is no iterator: it runs by itself")
        if not self.attached:
            raise ValueError(f"{self.program} is detached")
        return self._reading()

    def detach(self) -> None:
        """Take the program from its hook; nothing happens the second time."""
        holders, self._holders = self._holders, ()
        for holder in holders:
            with suppress(OSError):
                holder.close()

    def __repr__(self) -> str:
        return f"<Link {self.program} → {self.where}{'' if self.attached else ', detached'}>"
