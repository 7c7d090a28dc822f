"""Minimised BTF: from it every record has the answer that it has from the whole, by our loader and by libbpf."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path
from random import Random

import libbpf
import programs
import pytest
from core_cases import CASES
from core_generator import Maker
from test_core_as_libbpf import build, ours

import pyebpf
from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.btf_files import RUNNING
from pyebpf.loader.core import records
from pyebpf.loader.core_spec import CoreKind
from pyebpf.loader.errors import LoadError
from pyebpf.loader.minimise import minimise
from pyebpf.object.read import read_object
from pyebpf.object.specs import Object

pytestmark = pytest.mark.kernel


def without_ids(code: bytes, obj: Object, name: str) -> bytes:
    """Instructions with the ids of the kernel's types taken out: in minimised BTF these are others."""
    changed = bytearray(code)
    for function, record in records(obj):
        if record.kind == CoreKind.TYPE_ID_TARGET and function.name == name:
            at = record.offset - function.section_offset
            assert changed[at] == 0x18
            struct.pack_into("=i", changed, at + 4, int(any(changed[at + 4 : at + 8])))
    return bytes(changed)


def same(elf: bytes, kernel: bytes, folder: Path, counts: Counter[str]) -> None:
    obj = read_object(elf)
    whole, small = folder / "kernel.o", folder / "small.btf"
    whole.write_bytes(kernel)
    target = Btf.from_file(whole)
    small.write_bytes(minimise([obj], target))
    reduced = Btf.from_file(small)
    counts["types"] += target.count - 1
    counts["types kept"] += reduced.count - 1
    found, again = ours(obj, target), ours(obj, reduced)
    if isinstance(found, LoadError):
        counts["refused"] += 1
        assert isinstance(again, LoadError) and found.reason == again.reason
        return
    assert not isinstance(again, LoadError)
    theirs, theirs_again = libbpf.load(elf, whole), libbpf.load(elf, small)
    assert theirs_again.relocated
    for name in found:
        expected = without_ids(found[name], obj, name)
        assert expected == without_ids(again[name], obj, name)
        code = libbpf.without_descriptors(theirs_again.code[name])
        assert libbpf.without_descriptors(expected) == without_ids(code, obj, name), theirs_again.core
        counts["instructions"] += len(expected) // 8
    assert theirs.relocated


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str, tmp_path: Path) -> None:
    built = build(CASES[name])
    assert built is not None
    if name == "a bit field that no load holds":
        return
    same(built[1], built[0], tmp_path, Counter())


def test_random_programs(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    for seed in range(12):
        built = build(Maker(Random(f"core:{seed}")).pair())
        if built is not None:
            same(built[1], built[0], tmp_path, counts)
    print(f"\n{', '.join(f'{count} {what}' for what, count in counts.most_common())}")
    assert counts["instructions"] > 200 and counts["types kept"] < counts["types"]


def test_big_endian_types(tmp_path: Path) -> None:
    built = build(CASES["loads of other sizes"], "bpfeb")
    assert built is not None
    obj, target = read_object(built[1]), Btf.from_bytes(read_object(built[0]).btf)
    reduced = Btf.from_bytes(minimise([obj], target))
    assert reduced.big_endian and ours(obj, reduced) == ours(obj, target)


def test_the_running_kernel(tmp_path: Path) -> None:
    """A program of many kinds of records needs some hundred bytes of five million, and does the same with them."""
    import test_core

    elf = programs.build(test_core.PROGRAM)
    obj = read_object(elf)
    data = minimise([obj], Btf.running(), Btf.modules)
    (tmp_path / "small.btf").write_bytes(data)
    reduced = Btf.from_bytes(data)
    assert len(data) < 2000 < Path(RUNNING).stat().st_size
    task = reduced.type(reduced.find("task_struct", Kind.STRUCT) or 0)
    assert isinstance(task, types.Struct)
    named = {member.name for member in task.members if member.name}
    assert {"comm", "pid", "cred", "exit_code", "sched_reset_on_fork"} <= named and len(task.members) < 12
    found, again = ours(obj, Btf.running()), ours(obj, reduced)
    assert not isinstance(found, LoadError) and not isinstance(again, LoadError)
    assert without_ids(found["probe"], obj, "probe") == without_ids(again["probe"], obj, "probe")
    theirs = libbpf.load(elf, tmp_path / "small.btf")
    assert theirs.error == 0
    mine = libbpf.without_descriptors(without_ids(again["probe"], obj, "probe"))
    assert mine == libbpf.without_descriptors(without_ids(theirs.code["probe"], obj, "probe"))


def test_it_is_loaded_in_place_of_the_kernels(tmp_path: Path) -> None:
    """As a file, as the bytes of it, and read; out of ELF files it is read by the tests above."""
    obj = read_object(programs.build(programs.CORE))
    path = tmp_path / "small.btf"
    path.write_bytes(minimise([obj], Btf.running()))
    for given in (path, str(path), path.read_bytes(), Btf.from_file(path)):
        with pyebpf.load(obj, btf=given, attach=False) as session:
            assert session.programs["probe"].loaded.fd > 0
    btf = Btf.from_file(path)
    task = btf.type(btf.find("task_struct", Kind.STRUCT) or 0)
    assert isinstance(task, types.Struct) and {member.name for member in task.members} == {"tgid", "group_leader"}


def test_what_is_given_counts_and_not_the_kernels_own() -> None:
    """Fields that other types don't have are poisoned, though this kernel has them."""
    obj = read_object(
        programs.build(
            "struct task_struct { int tgid; } __attribute__((preserve_access_index));"
            'SEC("raw_tracepoint/x") int probe(void *ctx) {'
            " struct task_struct *t = (void *)current_task(); int n = 0;"
            " probe_read_kernel(&n, sizeof n, &t->tgid); return n; }"
        )
    )
    other = read_object(programs.build("struct task_struct { char pad[30000]; int pid; } have;"))
    with pyebpf.load(obj, attach=False):
        pass
    with pytest.raises(pyebpf.VerifierError, match=r"no `struct task_struct\.tgid`"):
        pyebpf.load(obj, btf=other.btf, attach=False)


def test_objects_without_records_need_nothing(tmp_path: Path) -> None:
    reduced = Btf.from_bytes(minimise([read_object(programs.build(programs.HASH))], Btf.running()))
    assert reduced.count == 1
