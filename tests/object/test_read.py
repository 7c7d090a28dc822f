"""Reading objects: what clang writes, in both byte orders, and damaged copies of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "loader"))
import programs

from pyebpf import compiler, layout, metadata
from pyebpf.metadata_json import decode, encode
from pyebpf.object.disassemble import disassemble
from pyebpf.object.errors import ObjectError
from pyebpf.object.read import read_object


@pytest.mark.parametrize("target", ["bpfel", "bpfeb"])
def test_map_and_program(target: str) -> None:
    found = read_object(programs.build(programs.HASH, target))
    (counts,) = (spec for spec in found.maps if spec.initial is None)  # clang keeps the key in .rodata
    assert (counts.name, counts.type, counts.key_size, counts.value_size, counts.max_entries) == ("counts", 1, 20, 8, 8)
    assert isinstance(counts.key, layout.Struct) and counts.key.fields[1].type == layout.Text(16)
    assert found.programs[0].hook == "socket_filter" and found.license == "GPL"
    text = disassemble(found)
    assert "call 1 <map_lookup_elem>" in text and "map counts" in text and "@ probe.c:" in text


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_objects_are_object_errors(data: st.DataObject) -> None:
    good = bytearray(programs.build(programs.DATA + programs.CALLS))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(good) - 1))
        good[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good))) if data.draw(st.booleans()) else len(good)
    try:
        disassemble(read_object(bytes(good[:cut])))
    except ObjectError:
        pass


def test_metadata_round_trip() -> None:
    pair = layout.struct_of("pair", (("a", layout.U64), ("b", layout.Array(layout.Text(4), 3)), ("c", layout.MAC)))
    info = metadata.MapInfo("Hash", layout.U32, pair, metadata.Cell(".bss", 8))
    value = metadata.Metadata("title", (("m", info),), faults=metadata.Cell(".bss", 0))
    assert decode(encode(value)) == value and encode(value) == encode(decode(encode(value)))


@pytest.mark.parametrize(
    "bad", [b"", b"[]", b'{"version":2}', b'{"version":1,"x":1}', b'{"version":1,"title":3}', b"[" * 99999]
)
def test_bad_metadata(bad: bytes) -> None:
    with pytest.raises(ObjectError):
        decode(bad)


def test_objects_save_and_disassemble(tmp_path: Path) -> None:
    compiled = compiler.compile_target(Path(__file__).parents[2] / "samples" / "syscount.py")
    compiled.save(tmp_path / "syscount.o")
    again = read_object((tmp_path / "syscount.o").read_bytes())
    assert again.disassemble() == compiled.disassemble() == compiled.disassemble("on_syscall")
    assert "counts[comm()] += 1" in again.disassemble() and "<map_lookup_elem>" in again.disassemble()
    with pytest.raises(KeyError):
        again.disassemble("nothing")
