"""What a program sees of the world: who runs it, when, where. A test supplies what matters to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, final


@final
@dataclass
class Surroundings:
    """The answers of the kernel's helpers, for one run."""

    now: int = 1_000_000_000
    """`ktime_ns()`: nanoseconds since boot, without the time asleep."""
    boot: int | None = None
    """`boot_ns()`: with the time asleep; as `now` if None."""
    pid: int = 1000
    tid: int | None = None
    """As `pid` if None: the process's first thread."""
    uid: int = 1000
    gid: int = 1000
    comm: str = "pytest"
    cpu: int = 0
    cgroup_id: int = 1
    socket: int = 1
    """A number for the packet's socket, by which a SkStorage has its values; 0 if there is none."""
    random: Callable[[], int] = field(default_factory=lambda: _numbers(0))
    """`random_u32()`; by default the same row of numbers in every test."""
    kernel_stack: Sequence[int] = ()
    """`kernel_stack()`: addresses of calls, the innermost first; empty where there is none."""
    user_stack: Sequence[int] = ()
    current_task: Mapping[str, Any] | None = None
    helpers: Mapping[str, Callable[..., int]] = field(default_factory=dict)
    """Results of other helpers, by the kernel's names without `bpf_`; they get the helper's arguments."""


NAMES = tuple(item.name for item in fields(Surroundings))


def _numbers(seed: int) -> Callable[[], int]:
    random = Random(seed)
    return lambda: random.getrandbits(32)
