"""Iterators that are told what to go through: a map, a cgroup and its relatives, a process or thread."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
MAPS = """
from pyebpf import SkStorage, iterator, raw_tracepoint
from pyebpf.helpers import seq_write

@struct
class Flow:
    packets: u64
    name: char[16]
    parts: u8[8]

flows = Hash[u32, Flow](max_entries=16)
table = Array[u64](max_entries=4)
names, total = Hash[char[16], u64](max_entries=16), Global[u64](0)

@raw_tracepoint("task_rename")
def uses(ctx):
    table[0] = len(flows)

@iterator("bpf_map_elem")
def each(meta, key: u32, value: Flow):
    total.value += value.packets * key
    names[value.name] = value.parts[key % 8]
    seq_write(meta.seq, value)

@iterator("bpf_map_elem")
def cells(key: u32, value: u64):
    total.value += key * value
"""
OTHERS = """
from pyebpf import iterator

seen, groups = Global[u64](0), Hash[u64, u64](max_entries=64)
descriptors = Hash[u32, u8](max_entries=4096)

@iterator("cgroup")
def walk(cgroup):
    seen.value += 1
    groups[cgroup.kn.id] = seen.value

@iterator("task")
def tasks(task):
    seen.value += 1

@iterator("task_file")
def files(fd):
    descriptors[fd] = 1
"""


def test_the_entries_of_a_map(program: Callable[[str], ModuleType]) -> None:
    module = program(MAPS)
    with pyebpf.load(module, attach=False) as session:
        flows, table, total = session.maps["flows"], session.maps["table"], session.variables["total"]
        for key in (1, 2, 3):
            flows[key] = module.Flow(packets=key * 10, name=f"n{key}", parts=list(range(8)))
        for key in range(4):
            table[key] = key + 1
        written = session.attach("each", "flows").read()
        assert total.value == 10 + 40 + 90
        assert dict(session.maps["names"]) == {"n1": 1, "n2": 2, "n3": 3}
        assert {written[at + 8 : at + 24].rstrip(b"\0") for at in (0, 32, 64)} == {b"n1", b"n2", b"n3"}
        total.value = 0
        session.attach("cells", table).read()
        assert total.value == 0 * 1 + 1 * 2 + 2 * 3 + 3 * 4


@pytest.mark.parametrize(
    ("name", "where", "said"),
    [
        ("each", "table", "reads more than the map's keys and values have"),
        ("each", "flow", "did you mean flows?"),
        ("each", None, "--attach each=MAP"),
    ],
)
def test_wrong_maps(program: Callable[[str], ModuleType], name: str, where: object, said: str) -> None:
    with pyebpf.load(program(MAPS), attach=False) as session, pytest.raises(pyebpf.LoadError, match=said):
        session.attach(name, where)


def test_processes_and_threads(program: Callable[[str], ModuleType]) -> None:
    waiting = threading.Event()
    other = threading.Thread(target=waiting.wait)
    other.start()
    try:
        with pyebpf.load(program(OTHERS), attach=False) as session:
            seen = session.variables["seen"]
            threads = len(os.listdir("/proc/self/task"))
            assert threads >= 2
            for where, count in (
                (f"pid:{os.getpid()}", threads),
                (os.getpid(), threads),
                (f"tid:{other.native_id}", 1),
            ):
                seen.value = 0
                session.attach("tasks", where).read()
                assert seen.value == count, where
            with socket.socket() as own:
                session.attach("files", f"tid:{other.native_id}").read()
                known = {int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}
                found = set(session.maps["descriptors"])
                assert own.fileno() in found and known <= found
            for wrong in ("pid:", "tid:x", "-1", "0", "what:1"):
                with pytest.raises(pyebpf.LoadError, match="pid:PROCESS or tid:THREAD"):
                    session.attach("tasks", wrong)
    finally:
        waiting.set()
        other.join()


def test_cgroups_in_an_order(program: Callable[[str], ModuleType], cgroup: Path) -> None:
    below = cgroup / "below"
    below.mkdir()
    try:
        ids = [cgroup.stat().st_ino, below.stat().st_ino]
        with pyebpf.load(program(OTHERS), attach=False) as session:
            for where, wanted in (
                (f"pre:{cgroup}", {ids[0]: 1, ids[1]: 2}),
                (cgroup, {ids[0]: 1, ids[1]: 2}),
                (f"post:{cgroup}", {ids[1]: 1, ids[0]: 2}),
                (f"self:{cgroup}", {ids[0]: 1}),
            ):
                session.variables["seen"].value = 0
                session.maps["groups"].clear()
                session.attach("walk", where).read()
                assert dict(session.maps["groups"]) == wanted, where
            session.maps["groups"].clear()
            session.variables["seen"].value = 0
            session.attach("walk", f"ancestors:{below}").read()
            found = dict(session.maps["groups"])
            assert found[ids[1]] == 1 and found[ids[0]] == 2 and len(found) >= 3
            with pytest.raises(pyebpf.LoadError, match="the order is one of"):
                session.attach("walk", f"before:{cgroup}")
            with pytest.raises(pyebpf.LoadError, match="not a directory of the cgroup2 file system"):
                session.attach("walk", "/tmp")
    finally:
        below.rmdir()
