"""Objects for machines of the other byte order: by `big_endian`, or as kernel types say. `tests/guests` runs them."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

import pyebpf
from pyebpf.encode import encode
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Struct
from pyebpf.layout import IPV4_NETWORK, U16, U32, Array
from pyebpf.object.read import read_object

PROGRAM = """from pyebpf import *
from pyebpf import bits

@struct
class Flags:
    low: u16 = bits(3)
    high: u16 = bits(13)

flags = Array[Flags](max_entries=1)
number = Global[u32](0x11223344)
limit = Config[u16](0x5566)
START = Flags(low=1, high=2)

@xdp
def probe(packet):
    number.value = limit.value
    flags[0] = START
    return XDP.PASS
"""
KERNEL = """from pyebpf import *
who = Global[u32](0)

@raw_tracepoint("sys_enter")
def probe(ctx):
    who.value = u32(current_task().tgid)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "probe.py"
    path.write_text(PROGRAM)
    return path


@pytest.mark.parametrize("big", [True, False])
def test_numbers_lie_in_the_order_that_was_asked_for(source: Path, big: bool) -> None:
    made = pyebpf.compile(source, big_endian=big)
    assert made.big_endian == big == read_object(made.elf).big_endian
    order = ">" if big else "<"
    initial = {map.name: map.initial for map in made.maps if map.initial is not None}
    assert initial[".data"][:4] == struct.pack(order + "I", 0x11223344)
    assert initial[".rodata"][:2] == struct.pack(order + "H", 0x5566)


@pytest.mark.parametrize("big", [True, False])
def test_members_are_in_the_order_of_their_bits(source: Path, big: bool) -> None:
    """The kernel takes no BTF where a member lies before the one that precedes it."""
    types = Btf.from_bytes(pyebpf.compile(source, big_endian=big).btf)
    assert types.big_endian == big
    [flags] = [types.type(number) for number in types.find_all("Flags")]
    assert isinstance(flags, Struct)
    places = [(member.name, member.bit_offset, member.bit_size) for member in flags.members]
    assert places == ([("high", 0, 13), ("low", 13, 3)] if big else [("low", 0, 3), ("high", 3, 13)])


def test_this_machine_is_the_default(source: Path) -> None:
    assert pyebpf.compile(source).big_endian == (sys.byteorder == "big")


def test_kernel_types_decide(source: Path) -> None:
    assert pyebpf.compile(source, btf=Btf.empty(big_endian=True)).big_endian
    assert not pyebpf.compile(source, btf=Btf.empty(big_endian=False)).big_endian
    with pytest.raises(ValueError, match="the kernel types are those of a little-endian machine"):
        pyebpf.compile(source, btf=Btf.empty(big_endian=False), big_endian=True)


def test_this_machines_kernel_types_are_not_used_for_another_order(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(KERNEL)
    with pytest.raises(pyebpf.CompileError, match="task_struct"):
        pyebpf.compile(path, big_endian=sys.byteorder == "little")


def test_encode_in_either_order() -> None:
    assert encode(U32, 1, order=">") == b"\0\0\0\1" and encode(U32, 1, order="<") == b"\1\0\0\0"
    assert encode(Array(U16, 2), [1, 2], order=">") == b"\0\1\0\2"
    assert encode(IPV4_NETWORK, "10.0.0.0/8", order=">") == b"\0\0\0\x08\x0a\0\0\0"


def test_on_the_command_line(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.o"
    command = [sys.executable, "-m", "pyebpf", "compile", str(source), "--big-endian", "-o", str(out)]
    root = Path(__file__).parents[2]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    assert read_object(out.read_bytes()).big_endian
    little = tmp_path / "types"
    little.write_bytes(struct.pack("<HBBIIIIIB", 0xEB9F, 1, 0, 24, 0, 0, 0, 1, 0))
    refused = subprocess.run([*command, "--btf", str(little)], cwd=root, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "little-endian machine" in refused.stderr
