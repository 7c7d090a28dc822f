"""Records of perf events: read in order, also where they wrap around, and losses counted."""

from __future__ import annotations

import mmap
import os
import select
import struct
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyebpf.kernel import perf_events
from pyebpf.kernel.perf_events import Record
from pyebpf.loader.perf_pages import PerfPages, open_pages, records

COMMS = perf_events.COMM | perf_events.SAMPLE_ID_ALL
PAGE = mmap.PAGESIZE


@pytest.fixture
def names() -> Iterator[PerfPages]:
    """The names that this thread takes, with the time, in the smallest of buffers."""
    pages = open_pages(
        perf_events.SOFTWARE_DUMMY, -1, PAGE, pid=os.getpid(), sample=perf_events.SAMPLE_TIME, flags=COMMS
    )
    with pages:
        yield pages


def take_name(name: str) -> None:
    with open("/proc/thread-self/comm", "w") as file:
        file.write(name)


def comm(record: tuple[int, int, bytes]) -> str:
    """Of a record of a name: pid, tid, name, and the time."""
    kind, _, contents = record
    assert kind == Record.COMM
    assert struct.unpack_from("=I", contents)[0] == os.getpid()
    return contents[8:-8].rstrip(b"\0").decode()


@pytest.fixture(autouse=True)
def same_name() -> Iterator[None]:
    with open("/proc/thread-self/comm") as file:
        before = file.read().strip()
    yield
    take_name(before)


@pytest.mark.kernel
def test_records_come_in_order_across_the_end_of_the_pages(names: PerfPages) -> None:
    seen = []
    for number in range(1000):
        take_name(f"name {number}")
        if number % 7 == 0:
            seen += names.read()
    seen += names.read()
    assert [comm(record) for record in seen] == [f"name {number}" for number in range(1000)]
    times = [struct.unpack("=Q", contents[-8:])[0] for _, _, contents in seen]
    assert all(one < other for one, other in pairwise(times))
    assert names.lost == 0


@pytest.mark.kernel
def test_what_there_was_no_room_for_is_counted(names: PerfPages) -> None:
    for number in range(1000):
        take_name(f"name {number}")
    seen = names.read()
    take_name("last")  # now there is room, and the kernel says how many there was none for
    after = names.read()
    assert comm(after[-1]) == "last"
    assert 0 < len(seen) < 1000
    assert len(seen) + names.lost + len(after) == 1001


@pytest.mark.kernel
def test_it_can_be_waited_for(names: PerfPages) -> None:
    names.close()
    flags, sample = COMMS | perf_events.WATERMARK, perf_events.SAMPLE_TIME
    pages = open_pages(perf_events.SOFTWARE_DUMMY, -1, PAGE, pid=os.getpid(), sample=sample, flags=flags, wakeup=1)
    with pages:
        poll = select.poll()
        poll.register(pages, select.POLLIN)
        assert not poll.poll(0)
        take_name("woken")
        assert poll.poll(1000)
        assert [comm(record) for record in pages.read()] == ["woken"]


@pytest.mark.kernel
def test_a_child_reads_nothing_and_leaves_the_pages_alone(names: PerfPages) -> None:
    take_name("before")
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if names.read() == [] else 2
            names.close()
            assert names.closed
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    take_name("after")
    seen = [record for record in names.read() if record[0] == Record.COMM]  # and one of the fork
    assert [comm(record) for record in seen] == ["before", "after"]


@pytest.mark.kernel
def test_closed_pages_have_nothing(names: PerfPages) -> None:
    take_name("lost to us")
    names.close()
    names.close()
    assert names.read() == []
    with pytest.raises(ValueError):
        names.fileno()


def test_sizes_are_powers_of_two_pages() -> None:
    for size in (0, PAGE - 1, 3 * PAGE):
        with pytest.raises(ValueError, match="no power of two pages"):
            open_pages(perf_events.SOFTWARE_DUMMY, -1, size, pid=os.getpid())


@given(st.binary(max_size=200))
def test_any_bytes_are_gone_through_once(data: bytes) -> None:
    assert sum(8 + len(contents) for _, _, contents in records(data)) <= len(data)


def test_the_numbers_are_those_of_the_header(tmp_path: Path) -> None:
    """A compiler reads them from the kernel's header."""
    words = {
        **{f"PERF_RECORD_{kind.name}": kind.value for kind in Record},
        "PERF_COUNT_SW_DUMMY": perf_events.SOFTWARE_DUMMY,
        "PERF_COUNT_SW_BPF_OUTPUT": perf_events.SOFTWARE_BPF_OUTPUT,
        "PERF_SAMPLE_TIME": perf_events.SAMPLE_TIME,
        "PERF_SAMPLE_RAW": perf_events.SAMPLE_RAW,
    }
    bits = {
        "mmap": perf_events.MMAP,
        "comm": perf_events.COMM,
        "task": perf_events.TASK,
        "watermark": perf_events.WATERMARK,
        "sample_id_all": perf_events.SAMPLE_ID_ALL,
        "mmap2": perf_events.MMAP2,
        "comm_exec": perf_events.COMM_EXEC,
        "freq": perf_events.FREQUENCY,
    }
    checks = [f'_Static_assert({name} == {number}, "{name}");' for name, number in words.items()]
    tests = [
        f"{{ struct perf_event_attr a = {{ .{name} = 1 }}; unsigned long long bits; "
        f"__builtin_memcpy(&bits, (char *)&a + 40, 8); if (bits != {perf_events.laid_out(flag)}ull) return {number}; }}"
        for number, (name, flag) in enumerate(bits.items(), 1)
    ]
    source = "#include <linux/perf_event.h>\n" + "\n".join(checks) + "int main(void) {" + "\n".join(tests) + "}"
    program = tmp_path / "numbers"
    subprocess.run(["gcc", "-x", "c", "-", "-o", program], input=source.encode(), check=True)
    assert subprocess.run([program]).returncode == 0
