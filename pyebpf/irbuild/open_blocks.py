"""Blocks that are open while what is inside them is lowered, and what leaving them takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.irbuild.bindings import Frame


@dataclass
class Reservation:
    """An open `with ring.reserve()`: what a fault gives back, and a return submits."""

    record: ops.Value
    label_depth: int
    """How many labels were open when it began: a jump to an outer one submits it."""
    frame: int
    """The function that it was made in, by frame number."""
    before: frozenset[str]
    """Names that had values when it began. They may be read when it is over, so they can't be given the event."""


@dataclass
class Held:
    """What a `with` block holds and gives back on every way out: a lock, a reference."""

    release: Callable[[], None]
    label_depth: int
    """As a Reservation's."""
    rcu: bool = False
    """Whether what RCU protects stays meanwhile."""
    give_up: Callable[[], None] | None = None
    """What is done instead on ways out that a fault takes, if that is something else."""

    def fail(self) -> None:
        """What a fault does on its way out."""
        (self.give_up or self.release)()


@dataclass
class Sending:
    """An open `with buffer.reserve()` of a perf buffer: its event is memory of the program's own, which a fault leaves
    as it is, and every other way out sends."""

    release: Callable[[], None]
    label_depth: int
    """As a Reservation's."""


@dataclass
class Finally:
    """An open `try` with a `finally`, which every way out of it runs."""

    run: Callable[[], None]
    label_depth: int
    """As a Reservation's."""


Open = Reservation | Sending | Held | Finally


@dataclass
class Given:
    """What a local for kernel pointers was given."""

    first: ops.Value
    only: ops.Value | None = None
    """In the one place that assigns it."""
    blocks: list[Open] = field(default_factory=list)
    """Those that were open there."""


@dataclass(eq=False)
class Handler:
    """Where faults go inside a `try`."""

    label: ops.Label
    catches: frozenset[Fault]
    label_depth: int
    """How many labels were open around the `try`: reservations made since are given back."""
    pending: ops.Local | None
    """Where the fault must be raised again later: the local that says which it was, by its number in `sites`."""
    frame: Frame
    """The function that the `try` is in."""
    sites: list[tuple[Fault, Span]] = field(default_factory=list)
