"""A link: a program at its hook, for as long as its descriptors are open, or for as long as it is pinned."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, final

from pyebpf.kernel.links import LINK_KINDS
from pyebpf.kernel.versions import running_version, show_version
from pyebpf.loader import pins, sys
from pyebpf.loader.attach.info import LinkInfo, link_info
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.sys import Descriptor


class Closable(Protocol):
    """What holds a program at its hook. Its `needs`, if it has any, are the capabilities that closing it takes."""

    def close(self) -> None: ...


class Attachable(Protocol):
    """A program in the kernel."""

    @property
    def name(self) -> str: ...
    @property
    def fd(self) -> int: ...


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
                    sys.link_detach(self.descriptor.fd)
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
        self,
        program: str,
        where: str,
        holders: tuple[Closable, ...],
        reading: Callable[[], bytes] | None = None,
        parts: int = 1,
        functions: tuple[str, ...] = (),
    ) -> None:
        self.program = program
        self.where = where
        self.pinned: Path | None = None
        """Where it is pinned, and so stays when this process has ended."""
        self._holders = holders
        self._reading = reading
        self.functions = functions
        """Of the kernel, that a pattern has matched, in the order of the numbers that `get_attach_cookie` gives."""
        self.parts = parts
        """How many links the kernel has for it: one for each CPU, or each thread, where a perf event is of one."""

    @property
    def attached(self) -> bool:
        return bool(self._holders)

    @property
    def needs(self) -> tuple[str, ...]:
        """The capabilities that detaching takes, where it is more than closing descriptors."""
        found = [name for holder in self._holders for name in getattr(holder, "needs", ())]
        return tuple(dict.fromkeys(found))

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
        self._check_attached()
        return self._reading()

    @property
    def info(self) -> LinkInfo:
        """What the kernel says of it (5.8). Raises LoadError for what is attached without a link of bpf(2): programs on
        sockets, and on perf events before Linux 5.15; ValueError when it is detached."""
        return self._link("tell about")[1]

    def update(self, program: Attachable, *, replacing: Attachable | None = None) -> None:
        """Have `program` run in the place of the present one, with no moment in which neither does, or both do.

        With `replacing` only if that is the program which the link has (else a LoadError, and nothing has changed). The
        kernel can do it for links of XDP (5.9), cgroups (5.7), network namespaces (5.8), iterators (5.8), tcx (6.6) and
        netkit (6.7), maps of sockets (6.10); LoadError for others, and for a program of another kind.
        """
        descriptor, info = self._link("put another program into")
        what = f"put {program.name} in the place of {self.program} at {self.where}"
        old = replacing.fd if replacing is not None else 0
        flags = sys.BPF_F_REPLACE if replacing is not None else 0
        try:
            sys.link_update(descriptor.fd, program.fd, flags, old)
        except OSError as error:
            raise _not_replaced(error, what, info, replacing) from error
        self.program = program.name

    def pin(self, path: str | os.PathLike[str]) -> None:
        """Give it a name in a bpf file system (/sys/fs/bpf): it stays attached when it, its session and this process
        are gone, until the name is removed (`detach`, or rm). Raises LoadError, also for what the kernel attaches
        without a link."""
        descriptor = self._whole()
        place = Path(os.path.abspath(path))
        pins.pin(descriptor, place, f"the link of {self.program}")
        self.pinned = place

    def check_pinnable(self) -> None:
        """Raises LoadError for what the kernel attaches without a link."""
        self._whole()

    def pin_again(self, path: Path) -> None:
        """Pin it as `path`, in place of what has that name."""
        descriptor = self._whole()
        pins.put(descriptor, path, f"the link of {self.program}")
        self.pinned = path

    def unpin(self) -> None:
        """Remove the name: the link is this session's alone again. Nothing happens if it isn't pinned."""
        place, self.pinned = self.pinned, None
        if place is not None:
            pins.remove(place)

    def detach(self) -> None:
        """Take the program from its hook, and the link's name from the file system; nothing happens the second time."""
        if self.attached:
            self.unpin()
        holders, self._holders = self._holders, ()
        for holder in holders:
            with suppress(OSError):
                holder.close()

    def close(self) -> None:
        """Let go of it: a pinned link stays attached, any other is detached."""
        if self.pinned is None:
            return self.detach()
        holders, self._holders = self._holders, ()
        for holder in holders:
            (holder.descriptor if isinstance(holder, Detaching) else holder).close()

    def _check_attached(self) -> None:
        if not self.attached:
            raise ValueError(f"{self.program} is detached")

    def _whole(self) -> Descriptor:
        """The link of bpf(2) that is all of it."""
        if self.parts > 1:
            raise LoadError(
                f"cannot pin the link of {self.program} at {self.where}: the kernel has {self.parts} links for it, and "
                "a name is for one",
                "kernel",
            )
        return self._link("pin")[0]

    def _link(self, verb: str) -> tuple[Descriptor, LinkInfo]:
        """The link of bpf(2) among what is open for it."""
        self._check_attached()
        for holder in self._holders:
            descriptor = holder.descriptor if isinstance(holder, Detaching) else holder
            if isinstance(descriptor, Descriptor):
                with suppress(OSError):
                    return descriptor, link_info(descriptor.fd)
        raise LoadError(
            f"cannot {verb} the link of {self.program} at {self.where}: the kernel has attached it without one",
            "kernel",
        )

    def __repr__(self) -> str:
        state = f", pinned at {self.pinned}" if self.pinned else "" if self.attached else ", detached"
        return f"<Link {self.program} → {self.where}{state}>"


def _not_replaced(error: OSError, what: str, info: LinkInfo, replacing: Attachable | None) -> LoadError:
    row = LINK_KINDS.get(info.type)
    if row is not None and row.replaces is None:
        return LoadError(f"cannot {what}: the kernel can't replace programs on a {row.what}", "kernel")
    if row is not None and row.replaces is not None and (running_version() or row.replaces) < row.replaces:
        return LoadError(f"cannot {what}: that needs Linux {show_version(row.replaces)} or later", "kernel")
    match error.errno:
        case errno.EPERM if replacing is not None:
            return LoadError(f"cannot {what}: {replacing.name} isn't the program that runs there", "target")
        case errno.EINVAL:
            return LoadError(f"cannot {what}: it isn't of the same kind", "object")
        case errno.ENOLINK:
            return LoadError(f"cannot {what}: what it was attached to is gone", "target")
    return explain(error, what)
