"""No byte that nobody wrote leaves a program: the stack, and the memory beyond it, are poisoned before it runs."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Kernel

from pyebpf.loader import sys
from pyebpf.loader.cpus import possible_cpus
from pyebpf.loader.load import LoadedObject, load_object
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel

POISON = 0xA5
SECRET = bytes([POISON]) * 3
"""So many poisoned bytes in a row are no accident."""
PROGRAM = """
from pyebpf import Array, Hash, PerCpuArray, ProgArray, RingBuf, bits, char, raw_tracepoint, struct, union
from pyebpf import comm, i16, u8, u16, u32, u64, user_str

@struct
class Part:
    a: u8
    b: u64
    c: u16 = bits(3)

@union
class Word:
    low: u8
    whole: u64
    part: Part

@struct
class Key:
    kind: u8
    number: u32
    name: char[16]
    small: u16 = bits(5)
    part: Part
    word: Word
    ok: bool

@struct
class Large:
    kind: u8
    number: u64
    text: char[600]
    last: u8

keys = Hash[Key, Key](max_entries=64)
parts = Hash[Part, Word](max_entries=64)
arrays = Hash[u32, u16[3]](max_entries=8)
names = Hash[char[16], u64](max_entries=8)
rows = Array[Key](max_entries=1)
own = PerCpuArray[Part](max_entries=1)
larges = Hash[u32, Large](max_entries=4)
ring = RingBuf[Key](size=4096)

@raw_tracepoint("sys_enter")
def second(ctx):
    n = ctx.args[0]
    key = Key(kind=u8(n), number=5)
    key.part = Part(a=1)
    keys[key] = key
    key = Key()
    key.name = user_str(ctx.args[1])
    key.small = 3
    key.word = Word(low=7)
    keys[key] = Key(name="ab", part=Part(c=5))
    parts[Part(a=u8(n), b=2)] = Word(low=9)
    parts[Part(c=1)] = Word(part=Part(a=3, c=2))
    short: char[16] = user_str(ctx.args[1])
    names[short] = 1
    names[user_str(ctx.args[1])] += 1
    names["x"] = 1
    names[comm()] = 1
    key.name = f"{u8(n)}!"
    keys[key] = key.copy()
    arrays[1] = u16[3](1, 2, 3)
    words = u16[3]()
    words[n % 3] = 5
    arrays[2] = words[0:3]
    rows[0] = Key(name=short, ok=n > 1)
    own[0] = Part(a=4)
    larger = Large(kind=1)
    larger.text = user_str(ctx.args[1])
    larges[1] = larger
    larges[2] = Large(last=5)
    with ring.reserve() as event:
        event.kind = 4
        event.name = user_str(ctx.args[1])
        event.part = Part(a=8)
    if n == 200:
        print(short, n)

@raw_tracepoint("sys_enter")
def first(ctx):
    junk = u64[57]()
    for i in range(57):
        junk[i] = 0xA5A5A5A5A5A5A5A5
    junk[ctx.args[0] % 57] = 0xA5A5A5A5A5A5A5A5
    rows[0].number = u32(junk[ctx.args[0] % 57])
    return jumps[0](ctx)

jumps = ProgArray({0: second})
"""


def everything(loaded: LoadedObject) -> Iterator[tuple[str, bytes]]:
    """Keys and values of all maps of the program."""
    for name in ("keys", "parts", "arrays", "names", "rows", "own", "larges"):
        map = loaded.maps[name]
        size = map.spec.value_size
        if name == "own":
            size = (size + 7) // 8 * 8 * possible_cpus()
        key = sys.map_get_next_key(map.fd, None, map.spec.key_size)
        while key is not None:
            yield f"key of {name}", key
            yield f"value of {name}", sys.map_lookup(map.fd, key, size) or b""
            key = sys.map_get_next_key(map.fd, key, map.spec.key_size)


@pytest.mark.parametrize("n", [0, 3, 200])
def test_no_poisoned_byte_leaves_the_program(kernel: Kernel, tmp_path: Path, n: int) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PROGRAM)
    text = ctypes.create_string_buffer(b"probed\0" + b"\xa5" * 600)
    with load_object(read_object(kernel.compile_file(path))) as loaded:
        scratch = loaded.maps["__pyebpf_scratch"]
        size = scratch.spec.value_size
        entry = (bytes(8) + bytes([POISON]) * (size - 8)).ljust((size + 7) // 8 * 8, b"\0")
        for number in range(scratch.spec.max_entries):
            sys.map_update(scratch.fd, struct.pack("<I", number), entry * possible_cpus())
        context = struct.pack("<12Q", n, ctypes.addressof(text), *bytes(10))
        sys.prog_test_run(loaded.programs["first"].fd, context=context, repeat=0)
        seen = dict(everything(loaded))
        assert len([name for name, _ in everything(loaded)]) > 24
        for name, data in everything(loaded):
            assert SECRET not in data, (name, data)
        assert seen
        assert sys.map_lookup(loaded.maps["names"].fd, b"probed".ljust(16, b"\0"), 8) == struct.pack("<Q", 2)


def test_memory_in_use_is_left_alone(kernel: Kernel, tmp_path: Path) -> None:
    """A program that may interrupt itself takes an entry that is free, and counts when there is none."""
    path = tmp_path / "probe.py"
    path.write_text("""
from pyebpf import Global, socket_filter, u8, u64

out = Global[u64](0)

@socket_filter
def probe(packet):
    cells = u64[100]()
    cells[packet.load(0, u8)] = 7
    out.value = cells[20]
    return 5
""")
    with load_object(read_object(kernel.compile_file(path))) as loaded:
        scratch, metadata = loaded.maps["__pyebpf_scratch"], loaded.spec.metadata
        assert metadata is not None
        faults = {site.kind: number for number, site in enumerate(metadata.fault_sites)}
        size = scratch.spec.value_size
        packet = bytes(14) + bytes([20]) * 50

        def entry(number: int) -> list[bytes]:
            found = sys.map_lookup(scratch.fd, struct.pack("<I", number), size * possible_cpus()) or b""
            return [found[at : at + size] for at in range(0, len(found), size)]

        for taken in range(5):
            used = struct.pack("<Q", 1) + bytes([POISON]) * (size - 8)
            for number in range(4):
                fill = used if number < taken else bytes(size)
                sys.map_update(scratch.fd, struct.pack("<I", number), fill * possible_cpus())
            result = sys.prog_test_run(loaded.programs["probe"].fd, packet)[0]
            assert result == (5 if taken < 4 else 2**32 - 1)
            for number in range(4):
                for data in entry(number):
                    assert data == used if number < taken else data[:8] == bytes(8)
        counted = kernel._faults(loaded)
        assert counted[faults["MemoryError"]] == 1 and sum(counted) == 1
