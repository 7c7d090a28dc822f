"""Objects of another compiler from Python: bit fields, values without types, maps that pyebpf's own programs lack."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import programs
import pytest

import pyebpf
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel
PROGRAM = """
enum mode { OFF, ON, AUTO = 7 };
struct class { signed int low : 3; unsigned int high : 5; enum mode mode : 4; unsigned char flag : 1; _Bool whole;
               u64 rest : 40; };
struct { __uint(type, 1); __type(key, u32); __type(value, struct class); __uint(max_entries, 8); } bits SEC(".maps");
struct { __uint(type, 1); __uint(key_size, 3); __uint(value_size, 5); __uint(max_entries, 4); } bytes SEC(".maps");
struct { __uint(type, 2); __uint(key_size, 4); __uint(value_size, 3); __uint(max_entries, 2); } cells SEC(".maps");
struct { __uint(type, 10); __type(key, u32); __type(value, u64); __uint(max_entries, 64); } recent SEC(".maps");
struct wide { u64 words[640]; };
struct { __uint(type, 5); __type(key, u32); __type(value, struct wide); __uint(max_entries, 3); } wide SEC(".maps");
struct { __uint(type, 22); __type(value, u64); __uint(max_entries, 3); } queue SEC(".maps");
struct { __uint(type, 8); __type(key, u32); __type(value, u32); __uint(max_entries, 3); } cgroups SEC(".maps");
struct { __uint(type, 27); __uint(max_entries, 4096); } ring SEC(".maps");
static long (*output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
u64 found;
SEC("socket") int probe(void *ctx) {
  u32 k = 1, two = 2; struct class *c = lookup(&bits, &k), *d = lookup(&bits, &two);
  u64 *r = lookup(&recent, &k); char text[6] = "bytes"; char b[3] = "abc";
  if (c && d) {
    found = (u64)(c->low + 100) << 32 | c->high << 16 | c->mode << 8 | c->flag << 4 | c->whole;
    *d = *c; d->low = -4;
  }
  if (r) *r += 3;
  lookup(&bytes, b); k = 0; lookup(&cells, &k); lookup(&wide, &k); output(&ring, text, 6, 0);
  return 0; }
"""


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load(read_object(programs.build(PROGRAM)), attach=False) as session:
        yield session


def run(session: pyebpf.Session) -> None:
    session.programs["probe"].test_run(bytes(64))


def test_bit_fields(session: pyebpf.Session) -> None:
    bits = session.maps["bits"]
    bits[1] = {"low": -3, "high": 31, "mode": "AUTO", "flag": 1, "whole": True, "rest": 2**40 - 1}
    bits[2] = {}
    run(session)
    view = session._loaded.view(".bss")
    assert view is not None
    assert struct.unpack_from("=Q", view)[0] == 97 << 32 | 31 << 16 | 7 << 8 | 1 << 4 | 1
    copy = bits[2]
    assert copy[:5] == (-4, 31, 7, 1, True) and copy.rest == 2**40 - 1 and copy.mode.name == "AUTO"
    bits[3] = copy
    assert bits[3] == copy and type(copy).__name__ == "Record"  # `class` is no name in Python
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"low": 4}, OverflowError), ({"low": -5}, OverflowError), ({"high": 32}, OverflowError),
        ({"mode": "FAST"}, ValueError), ({"mode": 16}, OverflowError), ({"flag": 2}, OverflowError),
        ({"rest": 2**40}, OverflowError), ({"rest": "1"}, TypeError), ({"rest": 1.0}, TypeError),
    ]  # fmt: skip
    for value, error in wrong:
        with pytest.raises(error, match=f"value of bits.{next(iter(value))}"):
            bits[3] = value
    assert bits[3] == copy


def test_what_has_no_type_is_bytes(session: pyebpf.Session) -> None:
    found = session.maps["bytes"]
    found[b"abc"] = b"12345"
    found[bytearray(b"xyz")] = b"\xff\0\0\0\xff"
    assert found.to_dict() == {b"abc": b"12345", b"xyz": b"\xff\0\0\0\xff"}
    assert sorted(row["key"].tobytes() for row in found.to_numpy()) == [b"abc", b"xyz"]
    for key, error in ((b"ab", ValueError), ("abc", TypeError), (1, TypeError), (b"abcd", ValueError)):
        with pytest.raises(error, match="key of bytes"):
            found[key] = b"12345"
    with pytest.raises(ValueError, match="value of bytes has 5 bytes, not 4"):
        found[b"abc"] = b"1234"
    cells = session.maps["cells"]
    cells[-1] = b"end"
    assert list(cells) == [bytes(3), b"end"]
    run(session)
    assert session.maps["ring"].poll(1) == [b"bytes\0"]
    with pytest.raises(TypeError, match="doesn't say what ring carries"):
        session.maps["ring"].read_numpy()


def test_lru_hashes_per_cpu(session: pyebpf.Session) -> None:
    recent = session.maps["recent"]
    recent[1] = 10
    run(session)
    assert recent[1].sum() == 10 * len(recent[1]) + 3


def test_large_values_per_cpu(session: pyebpf.Session) -> None:
    """Keys are then fetched without them."""
    wide = session.maps["wide"]
    for key in range(3):
        wide[key] = {"words": [key] * 640}
    assert sorted(wide) == [0, 1, 2] and len(wide) == 3
    assert wide[2].sum().words == (2 * len(wide[2]),) * 640
    del wide[1]
    assert sorted(wide.to_dict()) == [0, 2]
    wide.clear()
    assert not list(wide)


def test_queues(session: pyebpf.Session) -> None:
    session.maps["queue"].push(7)
    assert session.maps["queue"].pop() == 7 and session.maps["queue"].pop(None) is None


def test_maps_that_user_space_has_no_view_of_are_left_out(session: pyebpf.Session) -> None:
    assert set(session.maps) == {"bits", "bytes", "cells", "recent", "wide", "ring", "queue"}
    assert session.faults == () and session.variables == {} and session.prints.poll() == []


def test_programs_that_cannot_be_attached() -> None:
    source = 'SEC("action") int probe(void *ctx) { return 0; }\nSEC("perf_event") int event(void *ctx) { return 0; }\n'
    with pyebpf.load(read_object(programs.build(source)), attach=False) as other:
        with pytest.raises(pyebpf.LoadError, match=r"section action\) can't be attached by pyebpf yet"):
            other.attach("probe")
        with pytest.raises((pyebpf.LoadError, ValueError), match="no test run for perf_event programs"):
            other.programs["event"].test_run()


def test_members_that_this_kernel_lacks_are_named() -> None:
    source = """
    static void *(*current)(void) = (void *)35;
    static long (*read)(void *to, u32 size, const void *from) = (void *)113;
    struct task_struct { int no_such_member; } __attribute__((preserve_access_index));
    SEC("raw_tracepoint/sys_enter") int probe(void *ctx) {
        struct task_struct *task = current();
        int value = 0;
        read(&value, sizeof(value), &task->no_such_member);
        return value;
    }
    """
    said = r"the kernel's types have no `struct task_struct\.no_such_member`"
    with pytest.raises(pyebpf.VerifierError, match=said) as caught:
        pyebpf.load(read_object(programs.build(source)), attach=False)
    assert "195896080" in caught.value.log


LEFT_TO_THE_LOADER = """
struct { __uint(type, 1); __type(key, u32); __type(value, u64); } counts SEC(".maps");
SEC("socket") int good(void *ctx) { u32 k = 1; return lookup(&counts, &k) ? 1 : 0; }
SEC("socket") int bad(void *ctx) { return *(volatile int *)0; }
"""


def test_programs_left_out_and_maps_given_a_size() -> None:
    obj = read_object(programs.build(LEFT_TO_THE_LOADER))
    with pytest.raises(pyebpf.LoadError, match=r"its number of entries to whoever loads it.*--entries counts=1024"):
        pyebpf.load(obj, attach=False)
    with pytest.raises(pyebpf.VerifierError):
        pyebpf.load(obj, attach=False, entries={"counts": 3})
    with pyebpf.load(obj, attach=False, entries={"counts": 3}, without=["bad"]) as session:
        assert list(session.programs) == ["good"]
        session.maps["counts"].update({1: 1, 2: 2, 3: 3})
        with pytest.raises(MemoryError):
            session.maps["counts"][4] = 4
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"without": ["ugly"]}, "no program ugly; there are good, bad"),
        ({"entries": {"x": 1}}, "no map x; there are counts"),
    ]
    for wrong, message in wrongs:
        with pytest.raises(pyebpf.Error, match=message):
            pyebpf.load(obj, attach=False, **wrong)
    for number in (0, -1, 1 << 32, "3"):
        with pytest.raises(ValueError, match="entries of counts: a number above 0 is expected"):
            pyebpf.load(obj, attach=False, entries={"counts": number})  # type: ignore[dict-item]


def test_perf_buffers_and_arrays_of_counters() -> None:
    text = """
struct {{ __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); }} buffers SEC(".maps");
static long (*send)(void *ctx, void *map, u64 flags, void *data, u64 size) = (void *)25;
static u64 (*count)(void *map, u64 flags) = (void *)22;
SEC("xdp") int probe(void *ctx) {{
  char text[6] = "bytes"; {reads}
  for (int i = 0; i < 300; i++) send(ctx, &buffers, 0xffffffff, text, 6);
  return 0; }}
"""
    with pyebpf.load(read_object(programs.build(text.format(reads=""))), attach=False) as session:
        run(session)
        events = session.maps["buffers"]
        assert [event[:6] for event in events.poll(1)] == [b"bytes\0"] * 300 and events.dropped == 0
        for _ in range(100):
            run(session)
        assert len(events.poll()) + events.dropped == 30_000 and events.dropped > 0
    with pyebpf.load(read_object(programs.build(text.format(reads="count(&buffers, 0);"))), attach=False) as session:
        assert "buffers" not in session.maps
