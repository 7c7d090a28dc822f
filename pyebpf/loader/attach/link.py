"""A link: a program at its hook, for as long as its descriptors are open."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Protocol, final

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
class Link:
    """An attached program. `program` and `where` are names for people.

    A child of fork(2) has it as well: what it detaches stays attached for its parent. What the parent detaches is gone
    where a link can be taken from its hook (XDP and cgroups, Linux 5.9), and elsewhere (tracepoints, packet sockets)
    when the child has ended, too, or has detached it.
    """

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
