"""Probes on functions of the kernel by patterns: what this kernel is asked, and what it is told where it has none.

What fires is tested in guests (tests/guests/cases/kprobe_multi.py and its like).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import pyebpf
from pyebpf import Global, kprobe, kretprobe, u64
from pyebpf.helpers import get_attach_cookie, get_func_ip
from pyebpf.kernel import traceable
from pyebpf.kernel.traceable import Traceable, is_pattern, matching
from pyebpf.kfuncs import bpf_session_cookie, bpf_session_is_return
from pyebpf.loader.attach.kprobe import PMU
from pyebpf.loader.kprobes import attach_type, has_multi

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]

calls = Global[u64](0)


@kprobe.multi("vfs_*")
def many(ctx, file: u64, buffer: u64, count: u64):
    calls.value += count + get_attach_cookie() + get_func_ip(ctx)


@kretprobe.multi("vfs_*")
def ends(ret: u64):
    calls.value += ret


@kprobe.multi("vfs_read")
def one(file, count):
    calls.value += count + u64(file.f_pos)


@kprobe.session("vfs_rea[d]")
def both(ret: u64):
    mine = bpf_session_cookie()
    if bpf_session_is_return():
        calls.value += mine[0]
        return 0
    mine[0] = 7
    return 1


@kprobe("vfs_read+0x5")
def inside(ctx):
    calls.value += 1


@pytest.fixture(scope="module")
def compiled() -> pyebpf.Object:
    return pyebpf.compile([many, ends, one, both, inside])


@pytest.fixture
def session(compiled: pyebpf.Object) -> Iterator[pyebpf.Session]:
    with pyebpf.load(compiled, attach=False) as session:
        yield session


def test_sections_are_those_of_libbpf(compiled: pyebpf.Object) -> None:
    assert {program.name: program.section for program in compiled.programs} == {
        "many": "kprobe.multi/vfs_*",
        "ends": "kretprobe.multi/vfs_*",
        "one": "kprobe.multi/vfs_read",
        "both": "kprobe.session/vfs_rea[d]",
        "inside": "kprobe/vfs_read+0x5",
    }


def test_where_the_kernel_has_none(session: pyebpf.Session) -> None:
    if has_multi() or PMU.exists():
        pytest.skip("this kernel has probes on its functions")
    for name in ("many", "ends", "one"):
        with pytest.raises(
            pyebpf.LoadError, match=r"\(CONFIG_FPROBE\), nor kprobes \(CONFIG_KPROBE_EVENTS\)"
        ) as failed:
            session.attach(name)
        assert failed.value.reason == "kernel"
    with pytest.raises(pyebpf.LoadError, match=r"\(CONFIG_FPROBE\), and there is nothing else for sessions"):
        session.attach("both")
    with pytest.raises(pyebpf.LoadError, match="this kernel has no kprobes"):
        session.attach("inside")
    with pytest.raises(pyebpf.LoadError, match="takes no place"):
        session.attach("many", "tcp_*")


def test_without_them_programs_are_loaded_for_kprobes() -> None:
    """Their helpers look for what they tell where the program runs."""
    assert attach_type(42) == (42 if has_multi() else 0)
    assert attach_type(56) == 56 and attach_type(0) == 0


def test_what_patterns_match() -> None:
    found = [each.name for each in matching("vfs_rea[dx]*")]
    assert "vfs_read" in found and found == sorted(set(found))
    assert all(name.startswith(("vfs_read", "vfs_reax")) for name in found)
    assert not any(each.name.startswith("rcu_") for each in matching("r*"))
    assert any(each.name.startswith("rcu_") for each in matching("rcu_*"))
    assert not matching("no_such_function_*")
    assert is_pattern("a?b") and is_pattern("a[b]") and not is_pattern("a_b")


def test_functions_are_found_where_they_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Symbols as files of the kernel have them: landing pads before what is traced, several functions of one name, and
    data, which is no function."""
    symbols = tmp_path / "kallsyms"
    symbols.write_text("1000 T one\n2000 t two\n3000 t two\n4000 D data\n5000 t three\t[module]\n")
    monkeypatch.setattr(traceable, "SYMBOLS", symbols)
    places = traceable._addresses({"one", "two", "data", "three", "none"})
    assert places == {"one": [0x1000], "two": [0x2000, 0x3000], "data": [], "three": [0x5000], "none": []}
    assert traceable._beginning(0x1004, places["one"]) == 0x1000
    assert traceable._beginning(0x3000, places["two"]) == 0x3000
    assert traceable._beginning(0, places["one"]) == 0x1000 and traceable._beginning(0, places["two"]) == 0
    assert traceable._beginning(0x9000, places["two"]) == 0
    assert traceable.names_at((0x1000, 0x3000, 0x7000, 0)) == {0x1000: "one", 0x3000: "two"}
    assert Traceable("one", 0x1000) == Traceable("one", 0x1000)
