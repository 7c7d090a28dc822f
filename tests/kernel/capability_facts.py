"""What this kernel wants capabilities for, by trying as nobody, where the tables say something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from run_kernel import become_nobody, in_child

from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.capabilities import CAPABILITIES, MAPS, PERFMON_HELPERS
from pyebpf.kernel.least import LEAST_MAPS, LEAST_PROGRAMS, LeastProgram
from pyebpf.kernel.maps import MapType
from pyebpf.loader import features
from pyebpf.loader import sys as bpf


def disagreements() -> list[str]:
    """All of them."""
    return [*_programs(), *_maps(), *_helpers()]


def as_nobody(names: Iterable[str], what: Callable[[], list[str]]) -> list[str]:
    """What `what` gives in a child of nobody's with these capabilities."""
    numbers = [CAPABILITIES[name] for name in names]

    def child() -> list[str]:
        become_nobody(numbers)
        return what()

    found: list[str] = in_child(child)
    return found


def _programs() -> Iterator[str]:
    """Those that root may load load with the capabilities of their row, and without any of them they don't."""
    try:
        btf: Btf | None = Btf.running()
    except BtfError:
        btf = None
    for row in LEAST_PROGRAMS:
        if row.by_link or _refused(row, btf):
            continue
        if said := as_nobody(row.capabilities, lambda row=row: _refused(row, btf)):  # type: ignore[misc]
            yield f"program {row.name}: {', '.join(row.capabilities)} aren't enough: {said[0]}"
        for one in row.capabilities:
            fewer = [name for name in row.capabilities if name != one]
            if not as_nobody(fewer, lambda row=row: _refused(row, btf)):  # type: ignore[misc]
                yield f"program {row.name}: it needs no {one}"


def _refused(row: LeastProgram, btf: Btf | None) -> list[str]:
    try:
        features.load_least(row, btf).close()
    except (OSError, LookupError) as error:
        return [str(error)]
    return []


def _created() -> list[str]:
    types, inner = features.plain_types(), bpf.map_create(MapType.ARRAY, 4, 4, 1)
    found = []
    for kind in LEAST_MAPS:
        try:
            features.least_map(kind, types, inner).close()
            found.append(kind.name)
        except OSError:
            pass
    return found


def _maps() -> Iterator[str]:
    everything, more = set(_created()), {MapType(kind).name for kind in MAPS}
    for name in everything - set(as_nobody(["CAP_BPF", "CAP_NET_ADMIN"], _created)):
        yield f"map {name}: CAP_BPF and CAP_NET_ADMIN aren't enough"
    for name in (everything - set(as_nobody(["CAP_BPF"], _created))) ^ (more & everything):
        yield f"map {name}: CAP_NET_ADMIN is {'not ' if name in more else ''}needed"


def _helpers() -> Iterator[str]:
    """Of programs whose kind needs no CAP_PERFMON, it decides what they may call."""

    def allowed() -> list[str]:
        return list(features._helpers({"cgroup.skb"})["cgroup.skb"])

    everything = set(as_nobody(["CAP_BPF", "CAP_PERFMON"], allowed))
    without = set(as_nobody(["CAP_BPF"], allowed))
    for name in without & PERFMON_HELPERS:
        yield f"helper {name}: it needs no CAP_PERFMON"
    for name in everything - without - PERFMON_HELPERS:
        if not name.startswith("skc_to_"):  # those are of the socket's type, which nobody asks of packets
            yield f"helper {name}: it needs CAP_PERFMON"
