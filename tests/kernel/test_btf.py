"""The BTF reader against bpftool's reading of the same kernel, and against broken BTF."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import programs
import pytest
from btf_writer import Writer
from hypothesis import given, settings
from hypothesis import strategies as st

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError, Kind
from pyebpf.kernel.btf_cache import pack_index, unpack_index
from pyebpf.kernel.btf_files import RUNNING
from pyebpf.kernel.btf_index import make_index
from pyebpf.kernel.btf_sections import Header, Sections
from pyebpf.object.btf_write import write_btf

has_btf = pytest.mark.skipif(not Path(RUNNING).exists(), reason=f"no {RUNNING}")


def sample(order: str = "<") -> bytes:
    """struct outer { int a; struct { union { u64 wide; int narrow; }; int low:3, high:5; };
    outer *next; int row[4]; }"""
    w = Writer(order)
    w.add("int", Kind.INT, 4, 1 << 24 | 32)  # 1
    w.add("u64", Kind.INT, 8, 64)  # 2
    w.add("", Kind.UNION, 8, w.name("wide"), 2, 0, w.name("narrow"), 1, 0, count=2)  # 3
    inner = (0, 3, 0, w.name("low"), 1, 3 << 24 | 64, w.name("high"), 1, 5 << 24 | 67)
    w.add("", Kind.STRUCT, 16, *inner, count=3, flag=True)  # 4
    w.add("", Kind.PTR, 6)  # 5
    w.add(
        "outer", Kind.STRUCT, 48,
        w.name("a"), 1, 0, 0, 4, 64, w.name("next"), 5, 192, w.name("row"), 7, 256,
        count=4,
    )  # 6  # fmt: skip
    w.add("", Kind.ARRAY, 0, 8, 1, 4)  # 7
    w.add("number", Kind.TYPEDEF, 9)  # 8
    w.add("", Kind.CONST, 1)  # 9
    w.add("colour", Kind.ENUM, 4, w.name("RED"), 0, w.name("NONE"), 0xFFFFFFFF, count=2, flag=True)  # 10
    w.add("big", Kind.ENUM64, 8, w.name("TOP"), 1, 0x80000000, count=1)  # 11
    w.add("", Kind.FUNC_PROTO, 1, w.name("x"), 8, 0, 0, count=2)  # 12
    w.add("f", Kind.FUNC, 12, count=1)  # 13
    w.add("v", Kind.VAR, 1, 1)  # 14
    w.add(".data", Kind.DATASEC, 4, 14, 0, 4, count=1)  # 15
    w.add("double", Kind.FLOAT, 8)  # 16
    w.add("tag", Kind.DECL_TAG, 6, 0xFFFFFFFF)  # 17
    w.add("user", Kind.TYPE_TAG, 1)  # 18
    w.add("later", Kind.FWD, 0, flag=True)  # 19
    return w.data()


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_in_both_byte_orders(order: str) -> None:
    btf = Btf.from_bytes(sample(order))
    assert btf.count == 20 and btf.big_endian == (order == ">")
    assert btf.type(1) == types.Int("int", 4, 32, 0, True, False, False)
    assert btf.type(10) == types.Enum("colour", 4, True, (("RED", 0), ("NONE", -1)), Kind.ENUM)
    assert btf.type(11) == types.Enum("big", 8, False, (("TOP", (1 << 63) + 1),), Kind.ENUM64)
    assert btf.type(12) == types.FunctionPrototype(1, (types.Parameter("x", 8), types.Parameter("", 0)))
    assert btf.type(13) == types.Function("f", 12, 1)
    assert btf.type(14) == types.Variable("v", 1, 1)
    assert btf.type(15) == types.DataSection(".data", 4, (types.SectionEntry(14, 0, 4),))
    assert btf.type(16) == types.Float("double", 8)
    assert btf.type(17) == types.DeclarationTag("tag", 6, -1)
    assert btf.type(18) == types.Modifier("type_tag", 1, "user")
    assert btf.type(19) == types.Forward("later", True)
    assert btf.resolve(8) == 1 and btf.size_of(7) == 16 and btf.size_of(5) == 8
    assert btf.find("outer", Kind.STRUCT) == 6 and btf.find("outer", Kind.UNION) is None
    assert list(btf.names(Kind.TYPEDEF)) == [("number", 8)] == list(btf.names(Kind.TYPEDEF, "num"))


def test_members_through_nameless_structs() -> None:
    btf = Btf.from_bytes(sample())
    assert btf.member(6, "next") == types.MemberAccess((2,), 24, 5)
    assert btf.member(6, "narrow") == types.MemberAccess((1, 0, 1), 8, 1)
    assert btf.member(6, "high") == types.MemberAccess((1, 2), 16, 1, 5, 3)
    assert btf.member(6, "nothing") is None and btf.member(6, "") is None and btf.member(1, "a") is None


def test_split_btf_continues_its_base() -> None:
    base = Btf.from_bytes(sample())
    strings = Header.read(sample()).string_length
    w = Writer(first_string=strings)
    w.add("more", Kind.TYPEDEF, 6)
    split = Btf.from_bytes(w.data(), base)
    assert split.find("more", Kind.TYPEDEF) == 20 and split.resolve(20) == 6
    assert split.find("outer", Kind.STRUCT) == 6 and split.member(20, "a") == types.MemberAccess((0,), 0, 1)
    assert split.name(20) == "more" and split.name(0) == "void"


def test_circles_are_errors_not_hangs() -> None:
    w = Writer()
    w.add("t", Kind.TYPEDEF, 2)
    w.add("", Kind.CONST, 1)
    w.add("", Kind.ARRAY, 0, 3, 1, 0xFFFFFFFF)
    w.add("", Kind.STRUCT, 8, 0, 4, 0, 0, 4, 0, count=2)
    btf = Btf.from_bytes(w.data())
    for function, type_id in ((btf.resolve, 1), (btf.size_of, 1), (btf.size_of, 3)):
        with pytest.raises(BtfError):
            function(type_id)
    assert btf.member(4, "x") is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "shorter than its header"),
        (b"\x7fELF" + bytes(40), "not BTF"),
        (sample()[:-1], "string section ends"),
        (sample()[:24], "type section ends"),
        (sample()[:2] + b"\x02" + sample()[3:], "version 2"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, words: str) -> None:
    with pytest.raises(BtfError, match=words):
        Btf.from_bytes(data)


def walk(btf: Btf) -> None:
    for type_id in range(-1, btf.count + 1):
        for call in (btf.type, btf.kind, btf.name, btf.resolve, btf.size_of):
            with suppress(BtfError):
                call(type_id)
        with suppress(BtfError):
            btf.member(type_id, "narrow")
    with suppress(BtfError):
        btf.find_all("outer")
    for prefix in ("", "o"):
        with suppress(BtfError):
            list(btf.names(Kind.STRUCT, prefix))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from("<>"),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(0, 700)),
)
def test_broken_btf_only_ever_raises_btf_error(order: str, edits: list[tuple[int, int]], end: int | None) -> None:
    data = bytearray(sample(order))
    for at, value in edits:
        data[at % len(data)] = value
    started = time.monotonic()
    with suppress(BtfError):
        walk(Btf.from_bytes(bytes(data[:end])))
    assert time.monotonic() - started < 2


def test_cached_index_is_checked() -> None:
    sections = Sections(sample(), Header.read(sample()))
    packed = pack_index(make_index(sections))
    found = unpack_index(packed, sections)
    assert found is not None and len(found.offsets) == 19
    for at in range(len(packed)):
        broken = bytearray(packed)
        broken[at] ^= 0x40
        assert unpack_index(bytes(broken), sections) is None
        assert unpack_index(packed[:at], sections) is None
    other = Sections(sample(), Header(False, 24, 16, 40, 1))
    assert unpack_index(packed, other) is None, "an index of other BTF"


@has_btf
def test_the_first_types_are_found_without_the_whole_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    quick, whole = Btf.from_file(RUNNING), Btf.from_file(RUNNING)
    wanted = ("task_struct", "mm_struct", "sk_buff", "list_head")
    early = {name: quick.find(name, Kind.STRUCT) for name in wanted}
    assert not list(tmp_path.rglob("btf-*")), "nothing was indexed whole"
    early["file"] = quick.find("file", Kind.STRUCT)
    assert list(tmp_path.rglob("btf-*")), "who asks for more will ask again, in the next process"
    assert whole.count > 10_000
    assert early == {name: next(i for i in whole.find_all(name) if whole.kind(i) is Kind.STRUCT) for name in early}
    assert quick.find("no_such_struct_anywhere", Kind.STRUCT) is None
    with pytest.raises(BtfError, match="no type"):
        quick.type(whole.count)
    assert quick.type(whole.count - 1) == whole.type(whole.count - 1)


@has_btf
def test_cached_index_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = Btf.from_file(RUNNING)
    assert made.count > 10_000, "asking for all types makes the index"
    (entry,) = (tmp_path / "pyebpf").iterdir()
    good = entry.read_bytes()
    cached = Btf.from_file(RUNNING)
    assert cached.find_all("task_struct") == made.find_all("task_struct") != ()
    entry.write_bytes(good[:-5] + b"wrong")
    assert Btf.from_file(RUNNING).count == made.count
    assert entry.read_bytes() == good, "a damaged index is written anew"


@has_btf
@pytest.mark.skipif(shutil.which("bpftool") is None, reason="bpftool is not installed")
def test_structs_as_bpftool_reads_them() -> None:
    dump = subprocess.run(["bpftool", "-j", "btf", "dump", "file", RUNNING], capture_output=True, check=True)
    theirs: dict[int, dict[str, Any]] = {entry["id"]: entry for entry in json.loads(dump.stdout)["types"]}
    btf = Btf.running()
    assert btf.count == max(theirs) + 1
    for type_id in range(1, btf.count, 7):
        entry, ours = theirs[type_id], btf.type(type_id)
        name = "" if entry["name"] == "(anon)" else entry["name"]
        assert btf.kind(type_id).name == entry["kind"]
        assert ours.name == name
        if isinstance(ours, types.Struct):
            assert ours.size == entry["size"]
            assert [(m.name, m.type_id, m.bit_offset, m.bit_size) for m in ours.members] == [
                ("" if m["name"] == "(anon)" else m["name"], m["type_id"], m["bits_offset"], m.get("bitfield_size", 0))
                for m in entry["members"]
            ]
        if isinstance(ours, types.Enum):
            assert [name for name, _ in ours.values] == [value["name"] for value in entry["values"]]
        if isinstance(ours, types.FunctionPrototype):
            assert [p.type_id for p in ours.parameters] == [p["type_id"] for p in entry["params"]]


@has_btf
def test_the_running_kernel() -> None:
    btf = Btf.running()
    assert Btf.running() is btf
    task = btf.find("task_struct", Kind.STRUCT)
    assert task is not None and btf.size_of(task) > 1000
    parent = btf.member(task, "real_parent")
    assert parent is not None and len(parent.path) == 1
    pointer = btf.type(btf.resolve(parent.type_id))
    assert isinstance(pointer, types.Pointer) and btf.resolve(pointer.type_id) == task


@has_btf
def test_the_running_kernels_index_is_that_of_this_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of its BTF is believed only as long as the machine wasn't started anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = Path(RUNNING).read_bytes()
    first = Btf(data, running=True)
    assert first.count > 10_000
    note = next((tmp_path / "pyebpf").glob("btf-running-*"))
    boot, length, hashed = note.read_text().split()
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip() and int(length) == len(data)
    assert type(Btf(data, running=True)._index).__name__ == "Index", "as it was left"
    for wrong in (
        f"{boot[::-1]} {length} {hashed}",
        f"{boot} {len(data) - 4} {hashed}",
        f"{boot} {length} ..",
        "",
        "\xff",
    ):
        note.write_text(wrong)
        again = Btf(data, running=True)
        assert type(again._index).__name__ == "GrowingIndex" and again.count == first.count
        assert note.read_text() == f"{boot} {length} {hashed}"


@has_btf
def test_flavours_and_prefixes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    w = Writer()
    for name in ("s", "s___old", "s___a___b", "s____x", "s___", "", "t___old", "__s", "as"):
        w.add(name, Kind.STRUCT, 4)
    btf = Btf.from_bytes(w.data())
    assert btf.flavours("s") == (1, 2) and btf.flavours("s___a") == (3,) and btf.flavours("t") == (7,)
    assert btf.find_all("s___old") == (2,) and btf.find_all("s____x") == (4,) and btf.find_all("s___") == (5,)
    assert btf.find_all("as") == (9,) and btf.find_all("") == btf.flavours("") == ()
    assert [name for name, _ in btf.names(Kind.STRUCT, "s___")] == ["s___old", "s___a___b", "s____x", "s___"]
    kernel = Btf.running()
    by_pass = {name: kernel.find_all(name) for name in ("task_struct", "int", "list_head", "no_such", "u64")}
    everything: dict[str, list[int]] = {}
    for type_id in range(1, kernel.count):
        everything.setdefault(kernel._raw_name(type_id).decode(), []).append(type_id)
    assert by_pass == {name: tuple(everything.get(name, ())) for name in by_pass}


def elf_with(folder: Path, sections: dict[str, bytes]) -> Path:
    """An ELF file with these sections, as objcopy makes it."""
    path = folder / "module.o"
    path.write_bytes(programs.build("int x;"))
    options = ["--remove-section=.BTF", "--remove-section=.BTF.ext"]
    for name, data in sections.items():
        (folder / name).write_bytes(data)
        options.append(f"--add-section={name}={folder / name}")
    objcopy = shutil.which("llvm-objcopy-19") or "llvm-objcopy"
    subprocess.run([objcopy, *options, path], check=True)
    return path


def test_a_modules_file_brings_the_base_that_it_needs(tmp_path: Path) -> None:
    """`.BTF.base`, Linux 6.11: of the kernel's types just the names and sizes that the module's refer to."""
    w = Writer(first_string=Header.read(sample()).string_length)
    w.add("more", Kind.TYPEDEF, 6)
    btf = Btf.from_file(elf_with(tmp_path, {".BTF": w.data(), ".BTF.base": sample()}))
    assert btf.base is not None and btf.find("more", Kind.TYPEDEF) == 20 and btf.name(btf.resolve(20)) == "outer"
    alone = Btf.from_file(elf_with(tmp_path, {".BTF": sample()}))
    assert alone.base is None and alone.find("outer", Kind.STRUCT) == 6
    with pytest.raises(BtfError, match=r"has no \.BTF section"):
        Btf.from_file(elf_with(tmp_path, {}))


def test_attributes(tmp_path: Path) -> None:
    """Tags with the flag are any attributes of the compiler's: Linux 6.14."""
    w = Writer()
    w.add("int", Kind.INT, 4, 1 << 24 | 32)
    w.add("address_space(1)", Kind.TYPE_TAG, 1, flag=True)
    w.add("preserve_access_index", Kind.DECL_TAG, 1, 0xFFFFFFFF, flag=True)
    btf = Btf.from_bytes(w.data())
    assert btf.type(2) == types.Modifier("type_tag", 1, "address_space(1)", True) and btf.resolve(2) == 1
    assert btf.type(3) == types.DeclarationTag("preserve_access_index", 1, -1, True)


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_is_written_is_read_back(order: str) -> None:
    btf = Btf.from_bytes(sample(order))
    everything = [btf.type(number) for number in range(1, btf.count)]
    again = Btf.from_bytes(write_btf(everything, big_endian=order == ">"))
    assert [again.type(number) for number in range(1, again.count)] == everything


@has_btf
def test_where_a_type_is() -> None:
    found = Btf.running().search("task_struct", Kind.STRUCT)
    assert found is not None and found[0] == "" and found[1] is Btf.running()
    assert Btf.running().search("no_such_struct", Kind.STRUCT) is None
    for name in ("no_such_module", "..", "", "a/b", "\0"):
        with pytest.raises(BtfError, match="module"):
            Btf.module(name)
