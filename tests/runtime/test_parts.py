"""Large hash maps, read by several threads at once: the same entries, each once, whatever happens to others."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import pyebpf
from pyebpf.loader.cpus import possible_cpus
from pyebpf.runtime import batches, parts
from pyebpf.views.columns import pieces

pytestmark = pytest.mark.kernel
PROGRAM = """
from pyebpf import Hash, LruHash, PerCpuHash, raw_tracepoint, u32, u64

plain, unlike = Hash[u32, u64](max_entries=1 << 16), Hash[u64, u64](max_entries=50_000, preallocate=False)
by_cpu, recent = PerCpuHash[u32, u64](max_entries=10_000), LruHash[u32, u64](max_entries=30_000)


@raw_tracepoint("sys_enter")
def probe(ctx):
    if ctx.args[1] == 1 << 31:  # never: the maps are Python's
        plain[1], unlike[1], by_cpu[1], recent[1] = 1, 1, 1, 1
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pyebpf.Session]:
    path = tmp_path_factory.mktemp("parts") / "probe.py"
    path.write_text(PROGRAM)
    with pyebpf.load(path, attach=False) as session:
        yield session


def test_this_kernel_has_buckets() -> None:
    assert parts.positions_are_buckets()


@pytest.mark.parametrize(
    ("name", "key_size", "most"), [("plain", 4, 1 << 16), ("unlike", 8, 50_000), ("by_cpu", 4, 10_000)]
)
@pytest.mark.parametrize("share", [0, 1, 100, 1000], ids="{}/1000".format)
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_same_entries(
    session: pyebpf.Session, name: str, key_size: int, most: int, share: int, threads: int
) -> None:
    view = session.maps[name]
    view.clear()
    per_cpu = name == "by_cpu"
    entries = {number * 13: number + 1 for number in range(most * share // 1000)}
    view.update({key: [value] * possible_cpus() for key, value in entries.items()} if per_cpu else entries)
    given = (view.fileno(), key_size, 8 * (possible_cpus() if per_cpu else 1), most)
    found = parts.in_parts(*given, threads=threads)
    assert found.count == len(entries)
    assert found == batches.read(*given)
    keys = [int.from_bytes(key, sys.byteorder) for key in pieces(found.keys, key_size)]
    values = [int.from_bytes(value[:8], sys.byteorder) for value in pieces(found.values, given[2])]
    assert dict(zip(keys, values, strict=True)) == entries


def test_what_is_least_recently_used(session: pyebpf.Session) -> None:
    view = session.maps["recent"]
    view.update({number: number for number in range(40_000)})  # some of them are gone now
    given = (view.fileno(), 4, 8, 30_000)
    found = parts.in_parts(*given, threads=4)
    assert 10_000 < found.count <= 30_000 and found == batches.read(*given)


@pytest.mark.parametrize("threads", [2, 5])
def test_what_stays_comes_once_while_others_come_and_go(session: pyebpf.Session, threads: int) -> None:
    view = session.maps["unlike"]
    view.clear()
    view.update({number: number for number in range(20_000)})
    ended, rounds = threading.Event(), 0

    def change() -> None:
        nonlocal rounds
        while not ended.is_set():
            for at in range(100_000, 120_000, 2_000):
                others = range(at, at + 2_000)
                view.update(dict.fromkeys(others, 1))
                for key in others:
                    del view[key]
            rounds += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(60):
            found = parts.in_parts(view.fileno(), 8, 8, 50_000, threads=threads)
            seen = Counter(int.from_bytes(key, sys.byteorder) for key in pieces(found.keys, 8))
            assert seen.keys() >= set(range(20_000)) and set(seen.values()) == {1}
    finally:
        ended.set()
        thread.join()
    assert rounds


def test_a_view_reads_so(session: pyebpf.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    used, in_parts = [], parts.in_parts

    def noted(*given: int, threads: int) -> object:
        used.append(threads)
        return in_parts(*given, threads=threads)

    monkeypatch.setattr(parts, "in_parts", noted)
    monkeypatch.setattr(parts.os, "sched_getaffinity", lambda pid: {0, 1, 2})
    for name, expected in (("plain", [3]), ("by_cpu", [])):  # the other one isn't large
        entries = {number: number for number in range(5000)}
        view = session.maps[name]
        view.clear()
        view.update({key: [value] * possible_cpus() for key, value in entries.items()} if expected == [] else entries)
        used.clear()
        assert len(view.to_dict()) == 5000 and used == expected


AT_EXIT = """
import atexit, sys, pyebpf
from pyebpf.runtime import parts

session = pyebpf.load(sys.argv[1], attach=False)
view = session.maps["plain"]
view.update({number: number for number in range(5000)})
atexit.register(lambda: print(parts.in_parts(view.fileno(), 4, 8, 1 << 16, threads=2).count))
"""


def test_when_the_interpreter_ends(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PROGRAM)
    command = [sys.executable, "-c", AT_EXIT, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ, PYTHONWARNINGS=""))
    assert done.stdout == "5000\n", done.stderr
