"""Options of maps: what the kernel is asked for, and what programs may then do."""

from __future__ import annotations

import os
from pathlib import Path
from sys import byteorder

import pytest

import pyebpf
from pyebpf import Array, Hash, HashOfMaps, LpmTrie, LruHash, PerCpuHash, RingBuf, i32, struct, syscall, u32, u64
from pyebpf.kernel.map_options import OPTIONS
from pyebpf.kernel.maps import MAP_KINDS, MapFlag
from pyebpf.lang.errors import DeclarationError
from pyebpf.loader import sys

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Rule:
    port: u32
    limit: u32


@struct
class Given:
    key: u32


grown = Hash[u32, u64](max_entries=8, preallocate=False)
grown_by_cpu = PerCpuHash[u32, u64](max_entries=8, preallocate=False)
recent = LruHash[u32, u64](max_entries=64, per_cpu_lists=True)
near = Hash[u32, u64](max_entries=8, numa_node=0)
rules = Hash[u32, Rule](max_entries=8, read_only=True)
limits = Array[u32](max_entries=4, read_only=True)
plain = Hash[u32, u64](max_entries=8, preallocate=True)
tables = HashOfMaps[u32, Hash[u32, u64](max_entries=8, preallocate=False)](max_entries=4)


@syscall
def go(given: Given):
    for m in range(2):
        grown[given.key] += m
    grown_by_cpu[given.key] += 1
    recent[given.key] = 1
    near[given.key] += 1
    plain[given.key] += 1
    found = 0
    if (rule := rules.get(given.key)) is not None:
        found = rule.limit
    for key in rules:
        found += key
    tables[1][given.key] += 1
    return i32(found + limits[1])


def test_flags_are_the_kernels() -> None:
    wanted = {
        "grown": MapFlag.NO_PREALLOC,
        "grown_by_cpu": MapFlag.NO_PREALLOC,
        "recent": MapFlag.NO_COMMON_LRU,
        "near": MapFlag.NUMA_NODE,
        "rules": MapFlag.RDONLY_PROG,
        "limits": MapFlag.RDONLY_PROG,
        "plain": 0,
    }
    with pyebpf.load(go, attach=False) as session:
        for name, flags in wanted.items():
            info = sys.obj_get_info_by_fd(session.maps[name].fileno())
            assert int.from_bytes(info[20:24], byteorder) == flags, name
        rules.update({3: Rule(port=80, limit=100), 4: Rule(port=81, limit=50)})
        limits[1] = 1000
        tables[1] = Hash[u32, u64](max_entries=8, preallocate=False)
        assert session.programs["go"].test_run(ctx=Given(key=3)).result == 1107
        assert tables[1].to_dict() == {3: 1} and grown[3] == 1 and session.faults == ()


def test_maps_that_are_pinned_are_in_common(bpf_fs: Path) -> None:
    kept = Hash[u32, u64](max_entries=8, pinned=True)
    events = RingBuf[Rule](size=4096, pinned=True)

    @syscall
    def count(given: Given):
        kept[given.key] += 1
        with events.reserve() as event:
            event.port = given.key
        return 0

    with pyebpf.load(count, attach=False, pin_root=bpf_fs) as session:
        session.programs["count"].test_run(ctx=Given(key=5))
        with pyebpf.load(count, attach=False, pin_root=bpf_fs) as other:
            other.programs["count"].test_run(ctx=Given(key=5))
            assert other.maps["kept"].to_dict() == {5: 2}
    assert {"events", "kept"} <= set(os.listdir(bpf_fs))
    with pyebpf.load(count, attach=False, pin_root=bpf_fs) as session:
        assert kept.to_dict() == {5: 2}
        assert [event.port for event in events.poll()] == [5, 5]
    for name in ("events", "kept"):
        os.unlink(bpf_fs / name)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: Hash[u32, u64](max_entries=8, mmapable=True), "Hash has no option 'mmapable'"),
        (lambda: Array[u64](max_entries=8, mmapable=1), "mmapable is True or False, not 1"),
        (lambda: Hash[u32, u64](max_entries=8, numa_node=-1), "numa_node is a number from 0, not -1"),
        (lambda: LpmTrie[u32, u64](max_entries=8, preallocate=False), "keys of an LpmTrie"),
        (lambda: LruHash[u32, u64](max_entries=8, per_cpu_lists=True, numa_node=0), "doesn't go with per_cpu_lists"),
        (
            lambda: HashOfMaps[u32, Hash[u32, u64](max_entries=8, pinned=True)](max_entries=4),
            "maps in HashOfMaps can't be pinned",
        ),
    ],
)
def test_declarations_that_make_no_sense(declare: object, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()  # type: ignore[operator]


def test_a_node_that_is_not_there() -> None:
    far = Hash[u32, u64](max_entries=8, numa_node=900)

    @syscall
    def count(given: Given):
        far[given.key] += 1
        return 0

    with pytest.raises(pyebpf.LoadError, match="memory node 900"):
        pyebpf.load(count, attach=False)


def test_rows_name_classes_that_there_are() -> None:
    kinds = {kind.name for kind in MAP_KINDS}
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)
    for option in OPTIONS:
        assert set(option.kinds) <= kinds
