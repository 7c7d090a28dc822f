"""Markers in programs (USDT): where their arguments are, several of a name, counters of tracers, foreign objects."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from libbpf import library
from native import MARK, build_steps, running

import pyebpf
from pyebpf import Config, Global, Hash, char, i8, i32, i64, pid, u16, u32, u64, usdt, user_str
from pyebpf.loader import sys as bpf
from pyebpf.object.read import read_object

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]

PROGRAM = (
    MARK
    + r"""
#include <stdio.h>
unsigned short counter __attribute__((section(".probes")));
static volatile int hidden = -42;
long row[] = { 11, 22, -33, 44 };
__attribute__((noinline)) static void all(int a, unsigned long b, signed char c, unsigned short d) {
  volatile int local = -1234; volatile unsigned char small = 200;
  MARK("registers", "0", "-4@%k0 8@%1 -1@%b2 2@%w3", "r"(a), "r"(b), "r"(c), "r"(d));
  MARK("memory", "0", "-4@%0 -4@%1 1@%2", "m"(local), "m"(hidden), "m"(small));
  MARK("constants", "0", "-4@%0 8@%1 1@%2", "i"(-9), "i"(1234567), "i"(200));
  MARK("indexed", "0", "-8@(%0,%1,8) -8@8(%0,%1,8) -8@(%0)", "r"(row), "r"(1L));
  MARK("odd", "0", "8f@%%xmm0 -4@%k0", "r"(a));
  MARK("none", "0", "", "i"(0));
  MARK("twice", "0", "-4@%k0", "r"(1));
  MARK("twice", "0", "-4@%0", "m"(local));
  MARK("twice", "0", "-4@%0", "i"(3));
  if (*(volatile unsigned short *)&counter) MARK("counted", "counter", "2@%w0", "r"(counter));
}
static void step(void) { all(-5, 1UL << 63, -7, 65000); }
"""
)
only = Config[u32](0)
words = Hash[u32, i64](max_entries=16)
seen = Hash[i32, u64](max_entries=16)
names = Hash[char[32], u64](max_entries=64)
hits = Global[u64](0)


@usdt
def four(a: i32, b: u64, c: i8, d: u16):
    words[0] = a
    words[1] = i64(b >> 1)
    words[2] = c
    words[3] = d


@usdt
def wide(a: i64, b: i64, c: i64):
    """Wider than the marker has them: with its signs."""
    words[0] = a
    words[1] = b
    words[2] = c


@usdt
def second(a: u64, b: i32):
    seen[b] += 1


@usdt
def first(a: i32):
    seen[a] += 1


@usdt
def counted(a: u16):
    seen[a] += 1


@usdt
def nothing():
    hits.value += 1


@usdt("/usr/bin/python3", "python:gc__done")
def collected(found: i64):
    if pid() == only.value:
        hits.value += 1


@usdt("/usr/bin/python3", "python:function__entry")
def entered(file: u64, function: u64, line: i32):
    if pid() == only.value:
        name: char[32] = user_str(function)
        names[name] += 1
        seen[line] += 1


PROBES = (four, wide, second, first, counted, nothing, collected, entered)


@pytest.fixture(scope="module")
def compiled() -> pyebpf.Object:
    return pyebpf.compile(PROBES)


@pytest.fixture
def session(compiled: pyebpf.Object) -> Iterator[pyebpf.Session]:
    with pyebpf.load(compiled, attach=False) as session:
        yield session


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_steps(tmp_path_factory.mktemp("marked"), "marked", PROGRAM)


def read(session: pyebpf.Session, name: str) -> dict[int, int]:
    found: dict[int, int] = session.maps[name].to_dict()
    return found


@pytest.mark.parametrize(
    ("program", "marker", "expected"),
    [
        ("four", "registers", {0: -5, 1: 1 << 62, 2: -7, 3: 65000}),
        ("wide", "memory", {0: -1234, 1: -42, 2: 200}),
        ("wide", "constants", {0: -9, 1: 1234567, 2: 200}),
        ("wide", "indexed", {0: 22, 1: -33, 2: 11}),
    ],
)
def test_arguments(session: pyebpf.Session, marked: Path, program: str, marker: str, expected: dict[int, int]) -> None:
    session.attach(program, f"{marked}:t:{marker}")
    with running(marked) as target:
        target.step()
    assert read(session, "words") == expected


@pytest.mark.parametrize("options", [("-no-pie",), ("-static",), ("-Os", "-s")], ids=lambda each: each[-1])
def test_programs_of_other_kinds(session: pyebpf.Session, tmp_path: Path, options: tuple[str, ...]) -> None:
    program = build_steps(tmp_path, "other", PROGRAM, *options)
    session.attach("four", f"{program}:t:registers")
    session.attach("counted", f"{program}:t:counted")
    with running(program) as target:
        target.step()
        assert read(session, "words") == {0: -5, 1: 1 << 62, 2: -7, 3: 65000} and read(session, "seen") == {1: 1}
        if options != ("-Os", "-s"):  # where a variable is, is known by its symbol
            session.attach("wide", f"{program}:t:memory")
            target.step()
            assert read(session, "words") == {0: -1234, 1: -42, 2: 200, 3: 65000}
        else:
            with pytest.raises(pyebpf.LoadError, match=r"argument 2 of t:memory can't be read: it is -4@hidden"):
                session.attach("wide", f"{program}:t:memory")


def test_several_places_of_one_name_have_their_arguments_elsewhere(session: pyebpf.Session, marked: Path) -> None:
    link = session.attach("first", f"{marked}:t:twice")
    assert link.where == f"usdt {marked}:t:twice, 3 places"
    with running(marked) as target:
        target.step(2)
    assert read(session, "seen") == {1: 2, -1234: 2, 3: 2}


def test_a_counter_of_tracers_goes_up_and_down(session: pyebpf.Session, marked: Path) -> None:
    with running(marked) as before:
        before.step()
        link = session.attach("counted", f"{marked}:t:counted")
        before.step(2)
        with running(marked) as later:
            later.step(3)
        assert read(session, "seen") == {1: 5}
        link.detach()
        before.step()
    assert read(session, "seen") == {1: 5}


def test_one_process_alone(session: pyebpf.Session, marked: Path) -> None:
    with running(marked) as watched, running(marked) as other:
        session.attach("nothing", f"{marked}:t:none", pid=watched.pid)
        watched.step(2)
        other.step(5)
    assert session.variables["hits"].value == 2


def test_what_lies_in_registers_of_other_kinds_is_left_out(session: pyebpf.Session, marked: Path) -> None:
    session.attach("second", f"{marked}:t:odd")  # it doesn't ask for the first, which is a fraction
    with running(marked) as target:
        target.step()
    assert read(session, "seen") == {-5: 1}


def test_what_cannot_be_attached_to(session: pyebpf.Session, marked: Path) -> None:
    cases = {
        f"{marked}:t:register": "has no marker t:register; did you mean t:registers?",
        f"{marked}:x:y": "has no marker x:y; it has t:constants, t:counted, t:indexed, t:memory, t:none, t:odd, …",
        "/usr/bin/env:a:b": "has no marker a:b, nor any other",
        f"{marked}:t:odd": "argument 1 of t:odd can't be read: it is 8f@%xmm0",
        f"{marked}:t:none": "the program takes 1, and t:none has 0 arguments",
        f"{marked}:twice": "goes to a place of the form PATH:PROVIDER:NAME",
    }
    for place, message in cases.items():
        with pytest.raises(pyebpf.LoadError, match=message):
            session.attach("first", place)
    with pytest.raises(pyebpf.LoadError, match="the program takes 4, and t:indexed has 3 arguments"):
        session.attach("four", f"{marked}:t:indexed")


SCRIPT = """
import gc, sys
def inner(x): return x
def outer(x): return inner(x)
print("ready", flush=True)
for line in sys.stdin:
    gc.collect()
    sys.setprofile(lambda *_: None)  # only so does this version of Python come to its markers in each call
    list(map(outer, range(10)))
    sys.setprofile(None)
    print("done", flush=True)
"""


def test_python_itself(compiled: pyebpf.Object) -> None:
    with (
        running("/usr/bin/python3", "-c", SCRIPT) as target,
        pyebpf.load(compiled, attach=False, config={"only": target.pid}) as session,
    ):
        session.attach("collected")
        session.attach("entered")
        target.step(2)
        found = session.maps["names"].to_dict()
        assert found["inner"] == found["outer"] == 20
        assert read(session, "seen")[3] == read(session, "seen")[4] == 20
        assert session.variables["hits"].value >= 2


FOREIGN = """
#include <linux/bpf.h>
#include <linux/ptrace.h>
#define bool _Bool
#include <bpf/bpf_helpers.h>
#include <bpf/usdt.bpf.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, int); __type(value, long); __uint(max_entries, 16); } got
  SEC(".maps");
static void put(int k, long v) { bpf_map_update_elem(&got, &k, &v, 0); }
SEC("usdt/PLACE") int BPF_USDT(probe, int a, int b, unsigned char c)
{ put(0, a); put(1, b); put(2, c); put(3, bpf_usdt_arg_cnt(ctx)); return 0; }
char LICENSE[] SEC("license") = "GPL";
"""


def test_a_program_with_the_header_of_libbpf(tmp_path: Path, marked: Path) -> None:
    (tmp_path / "foreign.c").write_text(FOREIGN.replace("PLACE", f"{marked}:t:memory"))
    clang = shutil.which("clang-19") or shutil.which("clang")
    assert clang is not None
    folder = f"-I/usr/include/{os.uname().machine}-linux-gnu"
    machine = {"x86_64": "-D__TARGET_ARCH_x86", "aarch64": "-D__TARGET_ARCH_arm64"}[os.uname().machine]
    made = [tmp_path / "foreign.c", "-o", tmp_path / "foreign.o"]
    subprocess.run([clang, "-O2", "-g", "-target", "bpf", machine, folder, "-c", *made], check=True)
    with running(marked) as target, pyebpf.load(read_object((tmp_path / "foreign.o").read_bytes())) as session:
        target.step()
        assert [link.where for link in session.links] == [f"usdt {marked}:t:memory"]
        assert session.maps["got"].to_dict() == {0: -1234, 1: -42, 2: 200, 3: 3}
        assert list(session.maps) == ["got"]


def test_libbpf_attaches_what_pyebpf_compiles(tmp_path: Path, marked: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(
        f"""
from pyebpf import *
got = Hash[u32, i64](max_entries=8)

@usdt({str(marked)!r}, "t:registers")
def registers(a: i32, b: u64, c: i8, d: u16):
    got[0] = a
    got[2] = c
    got[3] = d

@usdt({str(marked)!r}, "t:twice")
def twice(a: i32):
    got[u32(10 + (a & 7))] += 1
"""
    )
    elf = pyebpf.compile(probe).elf
    lib = library()
    lib.bpf_program__attach.restype = lib.bpf_object__open_mem.restype = ctypes.c_void_p
    loaded = ctypes.c_void_p(lib.bpf_object__open_mem(elf, ctypes.c_size_t(len(elf)), None))
    assert loaded.value and lib.bpf_object__load(loaded) == 0
    links = []
    try:
        program = lib.bpf_object__next_program(loaded, None)
        while program:
            links.append(lib.bpf_program__attach(ctypes.c_void_p(program)))
            assert links[-1]
            program = lib.bpf_object__next_program(loaded, ctypes.c_void_p(program))
        with running(marked) as target:
            target.step()
        map = lib.bpf_object__find_map_fd_by_name(loaded, b"got")
        found = {key: bpf.map_lookup(map, struct.pack("=I", key), 8) for key in range(20)}
        assert {key: struct.unpack("=q", value)[0] for key, value in found.items() if value is not None} == {
            0: -5,
            2: -7,
            3: 65000,
            **dict.fromkeys((10 + (value & 7) for value in (1, -1234, 3)), 1),
        }
    finally:
        for link in links:
            lib.bpf_link__destroy(ctypes.c_void_p(link))
        lib.bpf_object__close(loaded)
