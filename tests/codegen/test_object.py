"""What is in the object: sections, places of variables, BTF, line info; and who can load it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from building import SOURCE, Build, map_ref, module
from elftools.elf.elffile import ELFFile

from pyebpf import layout
from pyebpf.codegen import Worker, emit_module
from pyebpf.ir import module as ir
from pyebpf.ir import ops
from pyebpf.ir.types import AddressType, IntType, KernelType, PointerType, Region
from pyebpf.kernel import hooks
from pyebpf.loader import sys
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object
from pyebpf.source import Source, Span

PAIR = layout.struct_of("Pair", (("small", layout.U8), ("wide", layout.I64), ("name", layout.Text(5))))
COLOR = layout.Enumeration("Color", layout.I32, (("RED", -1), ("GREEN", 2)))
EVENT = layout.struct_of(
    "Event", (("address", layout.IPV4), ("pair", PAIR), ("color", COLOR), ("mac", layout.MAC), ("on", layout.BOOL))
)
RING = map_ref("events", "RingBuf", 27, None, EVENT, 4096)
MAPS = (
    map_ref("by_name", "Hash", 1, layout.Text(16), PAIR, 100),
    map_ref("by_pair", "PerCpuHash", 5, PAIR, layout.Array(layout.U32, 3), 7),
    map_ref("cells", "Array", 2, layout.U32, COLOR, 3),
    map_ref("lru", "LruHash", 9, layout.IPV6, layout.BOOL, 16, flags=2),
    RING,
)
VARIABLES = tuple(
    ir.VariableRef(name, kind, type, initial, None)  # type: ignore[arg-type]
    for name, kind, type, initial in (
        ("flag", "Global", layout.BOOL, b"\1"),
        ("pair", "Global", PAIR, bytes(PAIR.size)),
        ("limit", "Config", layout.U16, b"\5\0"),
        ("zero", "Config", layout.U64, bytes(8)),
        ("text", "Global", layout.Text(11), b"hello"),
        ("count", "Global", layout.U32, bytes(4)),
    )
)


def full_module() -> ir.Module:
    """Something of everything."""
    b = Build()
    record = b(ops.RingReserve(RING, PointerType(EVENT, Region.RING, nullable=True), b.span))
    b.if_(
        b.present(record),
        lambda: b(ops.RingDiscard(b.not_null(record), b.span)),
        lambda: b(ops.CountDropped(RING, b.span)),
    )
    key = b.slot("key", layout.Text(16))
    b.call("get_current_comm", key, b.const(16))
    b.check(b.present(b.lookup(MAPS[0], key)), ir.Fault.KEY)
    b.ret(0)
    first = b.program("first", hooks.TRACEPOINT, "raw_syscalls:sys_enter")
    b.ret(0)
    second = b.program("second", hooks.RAW_TRACEPOINT, "sys_exit")
    return module(first, second, maps=MAPS, variables=VARIABLES)


@pytest.fixture(scope="module")
def elf(worker: Worker) -> bytes:
    return worker.compile(emit_module(full_module()).text)


def test_variables_lie_where_the_metadata_says(elf: bytes) -> None:
    file: Any = ELFFile(io.BytesIO(elf))
    names = {index: section.name for index, section in enumerate(file.iter_sections())}
    table = file.get_section_by_name(".symtab")
    symbols = {symbol.name: (names.get(symbol["st_shndx"]), symbol["st_value"]) for symbol in table.iter_symbols()}
    metadata = read_object(elf).metadata
    assert metadata is not None
    cells = {info.name: info.cell for info in metadata.variables}
    assert set(cells) == {variable.name for variable in VARIABLES}
    cells["__pyebpf_faults"] = metadata.faults  # type: ignore[assignment]
    cells["__pyebpf_dropped_events"] = dict(metadata.maps)["events"].dropped  # type: ignore[assignment]
    for name, cell in cells.items():
        assert symbols[name] == (cell.section, cell.offset), name
    assert {cells[name].section for name in ("limit", "zero")} == {".rodata"}
    assert {cells[name].section for name in ("flag", "text")} == {".data"}


def test_sections(elf: bytes) -> None:
    file: Any = ELFFile(io.BytesIO(elf))
    sections = {section.name: section for section in file.iter_sections()}
    programs = {"tracepoint/raw_syscalls/sys_enter", "raw_tracepoint/sys_exit"}
    assert {*programs, ".maps", "license", ".BTF", ".BTF.ext"} <= set(sections)
    assert sections["license"].data() == b"GPL\0"
    assert sections[".bss"]["sh_type"] == "SHT_NOBITS"
    assert sections[".pyebpf"].data().startswith(b"{")


def test_line_info_carries_the_text(elf: bytes) -> None:
    strings = ELFFile(io.BytesIO(elf)).get_section_by_name(".BTF").data()
    assert SOURCE.line(6).encode() in strings and b"probe.py" in strings


def test_same_module_same_bytes(worker: Worker, elf: bytes) -> None:
    assert worker.compile(emit_module(full_module()).text) == elf


def test_odd_source_text_survives(worker: Worker) -> None:
    text = 'def probe(ctx):\r\n    return "\\0\u00e9\U0001f40d\x01"\n'
    source = Source('dir "x"/\u00fcber\\probe.py', text + "x" * 5000)
    span = Span(source, 1, 2000, 1, 2001)
    value = ops.Const(0, IntType(0, 0), span)
    body = ops.Block((value, ops.Return(value, span)))
    program = ir.Program("probe", hooks.XDP, "", 2, "p\u00e4cket", body, span)
    assert worker.compile(emit_module(module(program)).text)[:4] == b"\x7fELF"


@pytest.mark.parametrize("cpu", ["v1", "v2", "v3", "v4"])
def test_every_processor_version(worker: Worker, cpu: str) -> None:
    assert worker.compile(emit_module(full_module()).text, cpu=cpu)[:4] == b"\x7fELF"


def test_big_endian_object(worker: Worker) -> None:
    elf = worker.compile(emit_module(full_module(), big_endian=True).text)
    assert not ELFFile(io.BytesIO(elf)).little_endian


@pytest.fixture
def bpffs() -> Iterator[Path]:
    """A BPF file system of the test's own."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "bpf", "none", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


@pytest.mark.kernel
@pytest.mark.skipif(shutil.which("bpftool") is None, reason="needs bpftool")
def test_libbpf_loads_it(elf: bytes, bpffs: Path, tmp_path: Path) -> None:
    (tmp_path / "probe.o").write_bytes(elf)
    command = ["bpftool", "prog", "loadall", str(tmp_path / "probe.o"), str(bpffs / "probe")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "BTF" not in done.stderr  # accepted at the first try
    assert sorted(os.listdir(bpffs / "probe")) == ["first", "second"]


@pytest.mark.kernel
def test_kernel_fields_are_relocated(worker: Worker) -> None:
    """The offsets in the module are wrong on purpose: the loader finds the true ones by name."""
    out = ir.VariableRef("out", "Global", layout.Array(layout.U64, 4), bytes(32), None)
    members = (
        ir.KernelMember("tgid", 8, layout.I32),
        ir.KernelMember("group_leader", 16, ir.StructPointer("task_struct")),
        ir.KernelMember("se", 32, ir.Embedded("sched_entity")),
        ir.KernelMember("comm", 100, ir.MemberArray(layout.I8, 16)),
        ir.KernelMember("mm", 104, ir.StructPointer("mm_struct")),  # lies over comm, as in a nameless union
    )
    structs = (
        ir.KernelStruct("task_struct", 200, False, members),
        ir.KernelStruct("sched_entity", 48, False, (ir.KernelMember("sum_exec_runtime", 24, layout.U64),)),
        ir.KernelStruct("mm_struct", 96, False, (ir.KernelMember("task_size", 80, layout.U64),)),
    )
    b = Build()
    kernel = AddressType("kernel")
    place = b(ops.VariableAddress(out, PointerType(layout.Array(layout.U64, 4), Region.DATA), b.span))

    def field(base: Any, struct: str, member: str, type: Any = kernel) -> Any:
        return b(ops.KernelField(base, struct, (member,), type, b.span))

    def read(address: Any, size: int, index: int) -> None:
        b.call("probe_read_kernel", b.member(place, 8 * index, layout.U64), b.const(size), address)

    task = b.call("get_current_task", type=KernelType("task_struct"))
    slot = b.slot("leader", layout.U64)
    b.call("probe_read_kernel", slot, b.const(8), field(task, "task_struct", "group_leader"))
    leader = b.load(slot, KernelType("task_struct"))
    read(field(leader, "task_struct", "tgid"), 4, 0)
    entity = field(leader, "task_struct", "se", KernelType("sched_entity"))
    read(field(entity, "sched_entity", "sum_exec_runtime"), 8, 1)
    read(field(leader, "task_struct", "comm"), 8, 2)
    b.call("probe_read_kernel", slot, b.const(8), field(task, "task_struct", "mm"))
    read(field(b.load(slot, KernelType("mm_struct")), "mm_struct", "task_size"), 8, 3)
    b.ret(0)
    whole = module(b.program("probe", hooks.RAW_TRACEPOINT, "sys_enter"), variables=(out,), structs=structs)
    with load_object(read_object(worker.compile(emit_module(whole).text))) as loaded:
        sys.prog_test_run(loaded.programs["probe"].fd, context=bytes(96), repeat=0)
        data = sys.map_lookup(loaded.maps[".bss"].fd, bytes(4), loaded.maps[".bss"].spec.value_size) or b""
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, 32, 8)]
    assert words[0] == os.getpid()
    assert 0 < words[1] < 10**13
    assert data[16:24].rstrip(b"\0") == Path("/proc/self/comm").read_bytes().strip()[:8]
    assert words[3] >= 1 << 46
