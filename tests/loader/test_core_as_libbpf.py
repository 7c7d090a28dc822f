"""CO-RE, record by record as libbpf does it: the same instructions, and refusals of the same objects."""

from __future__ import annotations

import ctypes
import struct
import subprocess
from collections import Counter
from pathlib import Path
from random import Random

import libbpf
import programs
import pytest
from core_cases import ACCESS, CASES
from core_generator import Maker, Pair

from pyebpf.kernel.btf import Btf
from pyebpf.loader.core import records, relocate
from pyebpf.loader.core_patch import POISON
from pyebpf.loader.core_spec import CoreKind
from pyebpf.loader.errors import LoadError
from pyebpf.loader.link import Linker
from pyebpf.object.read import read_object
from pyebpf.object.specs import Object

pytestmark = pytest.mark.kernel
RANDOM = 24
"""Pairs."""
POISONED = struct.pack("=BBhi", 0x85, 0, 0, POISON)


def build(pair: Pair, target: str = "bpfel") -> tuple[bytes, bytes] | None:
    """Both as objects, or None where clang itself gives up (it can't say where some bit fields are)."""
    try:
        return programs.build(pair.kernel, target, True), programs.build(ACCESS + pair.program, target, True)
    except subprocess.CalledProcessError:
        return None


def ours(obj: Object, target: Btf) -> dict[str, bytes] | LoadError:
    try:
        relocated = relocate(obj, target)
    except LoadError as error:
        return error
    fds = {spec.name: number for number, spec in enumerate(obj.maps)}
    linker = Linker(obj, fds, relocated)
    return {program.name: linker.link(program).code for program in obj.programs}


def compare(elf: bytes, kernel: bytes, path: Path, counts: Counter[str]) -> str:
    """ "" where both refuse, or both give the same; else the difference."""
    path.write_bytes(kernel)
    theirs = libbpf.load(elf, path)
    obj = read_object(elf)
    found = ours(obj, Btf.from_file(path))
    counts["records"] += sum(1 for _ in records(obj))
    counts["objects"] += 1
    if isinstance(found, LoadError):
        counts["refused"] += 1
        return "" if not theirs.relocated else f"ours alone refuses: {found}"
    if not theirs.relocated:
        return f"theirs alone refuses: {theirs.said[-6:]}"
    counts.update(CoreKind(record.kind).name for _, record in records(obj))
    for program in obj.programs:
        mine, other = (libbpf.without_descriptors(each[program.name]) for each in (found, theirs.code))
        for at in range(0, max(len(mine), len(other)), 8):
            if mine[at : at + 8] != other[at : at + 8]:
                said = [line for line in theirs.core if f"insn #{at // 8} " in line]
                return f"{program.name}, {at // 8}: {mine[at : at + 8].hex()}, {other[at : at + 8].hex()} ({said})"
            counts["changed"] += mine[at : at + 8] != program.function.code[at : at + 8]
            counts["poisoned"] += mine[at : at + 8] == POISONED
    return ""


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str, tmp_path: Path) -> None:
    built = build(CASES[name])
    assert built is not None
    counts: Counter[str] = Counter()
    assert compare(built[1], built[0], tmp_path / "kernel.o", counts) == ""
    assert counts["records"]


def test_what_is_refused_says_why(tmp_path: Path) -> None:
    wanted = {
        "out of reach": "CO-RE record of p, instruction 0 (`struct s.a`): the field is at offset 40000 in this kernel",
        "candidates that don't": "(`struct s.a`): the kernel has 2 types of that name, and they don't agree",
        "sizes that don't": "(`struct s`): the kernel has 2 types of that name, and they don't agree",
        "a bit field that no load holds": "the kernel's types: a bit field can't be read by one load",
    }
    for name, words in wanted.items():
        built = build(CASES[name])
        assert built is not None
        (tmp_path / "kernel.o").write_bytes(built[0])
        found = ours(read_object(built[1]), Btf.from_file(tmp_path / "kernel.o"))
        assert isinstance(found, LoadError) and words in str(found), found


@pytest.mark.parametrize("part", range(4))
def test_random_programs(part: int, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    found = {}
    for seed in range(part, RANDOM, 4):
        built = build(Maker(Random(f"core:{seed}")).pair())
        if built is None:
            counts["given up by clang"] += 1
            continue
        difference = compare(built[1], built[0], tmp_path / "kernel.o", counts)
        if difference:
            found[seed] = difference
    print(f"\n{', '.join(f'{count} {what}' for what, count in counts.most_common())}")
    assert not found
    assert counts["objects"] >= RANDOM // 8 and counts["changed"] > 20


def test_the_running_kernel() -> None:
    """Types of the kernel itself, by programs that this folder's other tests run."""
    import test_core

    counts: Counter[str] = Counter()
    for source in (programs.CORE, test_core.PROGRAM, test_core.POISONED):
        elf = programs.build(source)
        theirs = libbpf.load(elf)
        found = ours(read_object(elf), Btf.running())
        assert theirs.relocated and isinstance(found, dict)
        for name, code in found.items():
            assert libbpf.without_descriptors(code) == libbpf.without_descriptors(theirs.code[name])
            counts["instructions"] += len(code) // 8
    assert counts["instructions"] > 100


def test_big_endian_objects() -> None:
    """The same answers for the same types, in the other byte order. Bit fields alone lie elsewhere."""
    for name in ("loads of other sizes", "arrays at the end", "enumerators", "types that match", "far, but an address"):
        little, big = build(CASES[name]), build(CASES[name], "bpfeb")
        assert little is not None and big is not None
        codes = []
        for kernel, elf in (little, big):
            obj, target = read_object(elf), Btf.from_bytes(read_object(kernel).btf)
            assert obj.big_endian == target.big_endian == (elf is big[1])
            codes.append(relocate(obj, target)["p"])
        assert swapped(codes[1]) == codes[0] != b""


def swapped(code: bytes) -> bytes:
    """Instructions of the other byte order."""
    found = bytearray()
    for at in range(0, len(code), 8):
        opcode, registers, offset, value = struct.unpack_from(">BBhi", code, at)
        found += struct.pack("<BBhi", opcode, registers >> 4 | registers << 4 & 0xF0, offset, value)
    return bytes(found)


def test_shifts_of_big_endian_bit_fields() -> None:
    """A field of 7 bits behind 33 of 64: from the left, 33 bits are above it."""
    built = build(CASES["bit fields across units"], "bpfeb")
    assert built is not None
    obj = read_object(built[1])
    code = relocate(obj, Btf.from_bytes(read_object(built[0]).btf))["p"]
    place = {(record.access, record.kind): record.offset for _, record in records(obj)}
    lshift = code[place["0:3", CoreKind.LSHIFT] :]  # member b
    assert struct.unpack_from(">i", lshift, 4)[0] == 33


def test_the_installed_libbpf_is_asked() -> None:
    assert ctypes.CDLL("libbpf.so.1").libbpf_major_version() == 1
