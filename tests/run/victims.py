"""Programs of every mechanism, for processes that are killed while they load, attach, update and pin them.

All names that they have in the kernel begin with `vk_`, so that what they leave can be told from what others have.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import pyebpf
from pyebpf.loader.attach import tc
from pyebpf.loader.errors import LoadError
from pyebpf.object.specs import Object

SENTINEL: Final = 77
"""A key of `vk_counts` that no program writes: whether the map is the same one."""
MADE: Final = "from pyebpf import *\nvk_counts = Hash[u32, u64](max_entries=64)\n"
COUNT: Final = "    vk_counts[{version}] += 1\n"


@final
@dataclass(frozen=True)
class Places:
    """Where programs are attached: made for this, and seen by nobody else."""

    cgroup: Path
    folders: Path
    """In a bpf file system."""
    interface: str = "inside"


@final
@dataclass(frozen=True)
class Victim:
    """A kind of program. `text` goes behind MADE, with `{count}` for what each program does."""

    name: str
    text: str
    where: Callable[[Places], Mapping[str, object]] = field(default=lambda places: {})
    pinned: bool = True
    """Whether the kernel keeps its links in a folder."""
    attach: Callable[[pyebpf.Session, Places], object] | None = None
    """What attaches, where `load` doesn't."""

    def source(self, version: int) -> str:
        return MADE + self.text.replace("{count}", COUNT.format(version=version))


def _own_process(*programs: str) -> Callable[[Places], Mapping[str, object]]:
    return lambda places: {name: f"pid={os.getpid()}" for name in programs}


def _filter(session: pyebpf.Session, places: Places) -> None:
    """As kernels before 6.6 have it."""
    session.on_close(tc.attach_filter(session.programs["vk_filter"].loaded, places.interface).close)


VICTIMS: Final = (
    Victim(
        "tracing",
        '@tracepoint("sched:sched_process_exit")\ndef vk_tracepoint(ctx):\n{count}'
        '@raw_tracepoint("sched_process_exit")\ndef vk_raw(ctx):\n{count}'
        '@tp_btf("sched_process_exit")\ndef vk_tp_btf(p):\n{count}',
    ),
    Victim("xdp", "@xdp\ndef vk_xdp(packet):\n{count}", lambda places: {"vk_xdp": places.interface}),
    Victim(
        "tc",
        "@tc.ingress\ndef vk_ingress(packet):\n{count}@tc.egress\ndef vk_egress(packet):\n{count}",
        lambda places: dict.fromkeys(("vk_ingress", "vk_egress"), places.interface),
    ),
    Victim(
        "lwt",
        "@lwt.output\ndef vk_leaving(packet):\n{count}@lwt.xmit\ndef vk_sending(packet):\n{count}",
        lambda places: dict.fromkeys(("vk_leaving", "vk_sending"), f"10.9.0.0/24 dev {places.interface}"),
        pinned=False,
    ),
    Victim("clsact", "@tc.egress\ndef vk_filter(packet):\n{count}", pinned=False, attach=_filter),
    Victim(
        "cgroup",
        "@cgroup.skb.egress\ndef vk_egress(packet):\n{count}@cgroup.connect4\ndef vk_connect(ctx):\n{count}",
        lambda places: dict.fromkeys(("vk_egress", "vk_connect"), str(places.cgroup)),
    ),
    Victim(
        "uprobe",
        '@uprobe("libc.so.6", "getppid")\ndef vk_uprobe(ctx):\n{count}'
        '@uprobe.multi("libc.so.6", "getp*id")\ndef vk_multi(ctx):\n{count}',
        _own_process("vk_uprobe", "vk_multi"),
    ),
    Victim(
        "sockets",
        "from pyebpf.helpers import msg_redirect_map\nvk_sockets = SockMap(max_entries=4)\n"
        "@sk_msg\ndef vk_sent(packet):\n{count}    return msg_redirect_map(packet, vk_sockets, 1, 0)\n"
        "@sk_skb\ndef vk_came(packet):\n{count}",
        lambda places: dict.fromkeys(("vk_sent", "vk_came"), "vk_sockets"),
        pinned=False,
    ),
    Victim(
        "netfilter",
        "@netfilter\ndef vk_netfilter(skb, state):\n{count}",
        lambda places: {"vk_netfilter": "ipv4:local_in:-10"},
        pinned=False,  # the kernel neither replaces such programs nor takes two of one priority
    ),
    Victim(
        "sk_lookup",
        "@sk_lookup\ndef vk_lookup(ctx):\n{count}",
        lambda places: {"vk_lookup": "/proc/self/ns/net"},
    ),
    Victim(
        "socket_filter", "@socket_filter\ndef vk_socket(packet):\n{count}", lambda p: {"vk_socket": p.interface}, False
    ),
    Victim(
        "perf_events",
        "@profile(hz=99)\ndef vk_profile(ctx):\n{count}"
        '@perf_event("page-faults", period=1000)\ndef vk_faults(ctx):\n{count}',
        pinned=False,  # a link for each CPU
    ),
    Victim("iterator", '@iterator("task")\ndef vk_iterator(task):\n{count}'),
    Victim(
        "tail_calls",
        "@xdp\ndef vk_first(packet):\n{count}    return vk_table[0](packet)\n@xdp\ndef vk_second(packet):\n{count}"
        "vk_table = ProgArray({0: vk_second})\n",
        lambda places: {"vk_first": places.interface},
    ),
)


@final
@dataclass(frozen=True)
class Compiled:
    """A victim's objects: two versions."""

    victim: Victim
    first: Object
    second: Object


def compiled(victim: Victim, folder: Path) -> Compiled:
    objects = []
    for version in (1, 2):
        path = folder / f"{victim.name}{version}.py"
        path.write_text(victim.source(version))
        objects.append(pyebpf.compile(path))
    return Compiled(victim, *objects)


def folder_of(one: Compiled, places: Places) -> Path:
    return places.folders / one.victim.name


@contextmanager
def opened(one: Compiled, obj: Object, places: Places, **options: Any) -> Iterator[pyebpf.Session]:
    victim = one.victim
    attached = victim.attach is None
    where = victim.where(places) if attached else None
    with pyebpf.load(obj, where=where, attach=attached, **options) as session:
        if victim.attach is not None:
            victim.attach(session, places)
        yield session


def live(one: Compiled, places: Places) -> None:
    """Load, attach, update and pin."""
    with opened(one, one.first, places) as session, pyebpf.load(one.second, attach=False) as other:
        session.maps["vk_counts"][SENTINEL] = 1
        for link in session.links:
            with suppress(LoadError):  # which the kernel can't do for all
                link.update(other.programs[link.program])
        if one.victim.pinned:
            session.pin(folder_of(one, places))


def begin(one: Compiled, places: Places) -> None:
    """What `upgrade` and `end` find."""
    with opened(one, one.first, places, pin=folder_of(one, places)) as session:
        session.maps["vk_counts"][SENTINEL] = 1


def upgrade(one: Compiled, places: Places) -> None:
    """Take a session over."""
    with opened(one, one.second, places, pin=folder_of(one, places)):
        pass


def end(one: Compiled, places: Places) -> None:
    """Take a session over, and take it away."""
    with pyebpf.adopt(folder_of(one, places)) as session:
        session.unpin(folder_of(one, places))


LIVES: Final = ((live, False), (upgrade, True), (end, True))
"""What a victim does when it is killed, and whether `begin` has been before."""


def lives(victim: Victim) -> list[tuple[Callable[[Compiled, Places], None], bool]]:
    return [(work, before) for work, before in LIVES if victim.pinned or not before]


def taken_over(one: Compiled, places: Places, same: bool) -> None:
    """What is in the folder is a session, which can be taken over as it is, by other versions, with a map that is
    fresh, and be taken away. `same`: its map is the one that was there before. Raises AssertionError, LoadError."""
    folder = folder_of(one, places)
    with pyebpf.adopt(folder) as session:
        assert not same or session.maps["vk_counts"][SENTINEL] == 1, "the map is another one"
        assert {link.program for link in session.links} == {p.name for p in one.first.programs} - {"vk_second"}
    for obj in (one.second, one.first):
        with opened(one, obj, places, pin=folder) as session:
            assert not same or session.maps["vk_counts"][SENTINEL] == 1, "the map is another one"
    with opened(one, one.second, places, pin=folder, fresh=["vk_counts"]) as session:
        assert SENTINEL not in session.maps["vk_counts"], "the map isn't fresh"
        session.unpin(folder)
