"""A few hundred spoilt objects, always the same; `elf_fuzz.py` tries as many as you like. What it found stays here."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "loader")]

import elf_claims
import elf_fuzz
import foreign_objects

from pyebpf.kernel.btf import Btf
from pyebpf.object.elf import FUNC, Elf
from pyebpf.object.errors import ObjectError
from pyebpf.object.read import read_object

SEED, COUNT = "suite", 400


@pytest.fixture(scope="module")
def found() -> list[bytes]:
    return elf_fuzz.corpus()


def test_spoilt_objects(found: list[bytes]) -> None:
    types = Btf.from_bytes(read_object(found[elf_fuzz.NAMES.index("core_fields")]).btf)
    outcomes = []
    for number in range(COUNT):
        data, how = elf_fuzz.make(SEED, number, found)
        outcome, wrong, _ = elf_fuzz.judged(data, types)
        assert not wrong, f"--seed {SEED} --only {number} ({how}): {outcome}"
        outcomes.append(outcome)
    assert set(outcomes) == {"object", "ObjectError"}
    assert min(map(outcomes.count, set(outcomes))) > COUNT // 5, "they are spoilt too much, or too little"


def test_nothing_of_a_whole_object_is_lost(found: list[bytes]) -> None:
    for elf in found:
        assert elf_claims.lost(elf, read_object(elf)) == ""


def test_what_is_lost_is_noticed(found: list[bytes]) -> None:
    """The second reading would see it."""
    import dataclasses

    obj = read_object(found[elf_fuzz.NAMES.index("core_fields")])
    program = obj.programs[0]
    for without in ("relocations", "core"):
        function = dataclasses.replace(program.function, **{without: ()})  # type: ignore[arg-type]
        less = dataclasses.replace(obj, programs=(dataclasses.replace(program, function=function),))
        assert elf_claims.lost(obj.elf, less) != ""
    assert elf_claims.lost(obj.elf, dataclasses.replace(obj, programs=())) != ""


class File:
    """An object whose headers can be changed."""

    def __init__(self, name: str) -> None:
        self.data = bytearray(foreign_objects.stripped(name))
        self.elf = Elf(bytes(self.data))
        self.table = struct.unpack_from("<Q", self.data, 40)[0]

    def header(self, name: str) -> int:
        section = self.elf.section(name)
        assert section is not None
        return int(self.table + 64 * section.index)

    def set(self, name: str, field: int, value: int) -> None:
        """A u32 of a section's header: 4 is its type, 44 what it is about."""
        struct.pack_into("<I", self.data, self.header(name) + field, value)

    def rename(self, old: str, new: str) -> None:
        struct.pack_into("<I", self.data, self.header(old), struct.unpack_from("<I", self.data, self.header(new))[0])

    def symbol(self, name: str) -> int:
        table = self.elf.section(".symtab")
        assert table is not None
        number = next(n for n, symbol in enumerate(self.elf.symbols) if symbol.name == name)
        return int(struct.unpack_from("<Q", self.data, self.header(".symtab") + 24)[0]) + 24 * number


def passed_over(file: File) -> None:
    file.set(".reltc", 4, 1)


def for_another_section(file: File) -> None:
    data = file.elf.section("license")
    assert data is not None
    file.set(".reltc", 44, data.index)


def behind_the_end(file: File) -> None:
    at = struct.unpack_from("<Q", file.data, file.header(".reltc") + 24)[0]
    struct.pack_into("<Q", file.data, at, 1 << 32)


def no_types(file: File) -> None:
    file.rename(".BTF", "license")


def two_sections(file: File) -> None:
    file.rename("license", ".BTF")


def no_contents(file: File) -> None:
    file.set(".bss", 4, 0)


def two_functions(file: File) -> None:
    functions = [symbol for symbol in file.elf.symbols if symbol.type == FUNC and symbol.section > 0]
    one, two = (file.symbol(symbol.name) for symbol in functions if symbol.name in ("one", "two"))
    struct.pack_into("<Q", file.data, two + 8, struct.unpack_from("<Q", file.data, one + 8)[0])


def no_lines(file: File) -> None:
    struct.pack_into("<Q", file.data, file.header(".BTF.ext") + 32, 8)


def fewer_records(file: File) -> None:
    at = struct.unpack_from("<Q", file.data, file.header(".BTF.ext") + 24)[0]
    struct.pack_into("<II", file.data, at + 16, 0, 0)  # lines
    struct.pack_into("<II", file.data, at + 24, 0, 0)  # CO-RE


FOUND: tuple[tuple[Callable[[File], None], str], ...] = (
    (passed_over, r"section \.reltc is no table of relocations"),
    (for_another_section, r"section \.reltc is for another section than its name says"),
    (behind_the_end, "behind the end of its section"),
    (no_types, r"two sections license|no section \.BTF"),
    (two_sections, r"two sections \.BTF"),
    (no_contents, r"section \.bss of type 0 has no contents"),
    (no_lines, r"section \.BTF\.ext has a header of 32 bytes"),
    (fewer_records, r"section \.BTF\.ext has more in it than its header says"),
    (two_functions, "functions one and two are in the same place"),
)


@pytest.mark.parametrize(("spoil", "said"), FOUND, ids=lambda value: getattr(value, "__name__", ""))
def test_found(spoil: Callable[[File], None], said: str) -> None:
    """Each of these was taken once, and was another program then."""
    file = File("programs_in_one_section")
    spoil(file)
    with pytest.raises(ObjectError, match=said):
        read_object(bytes(file.data))
