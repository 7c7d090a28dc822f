"""Programs on perf events: clocks and counts of the kernel's, on CPUs and in threads."""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from native import build_steps, running

import pyebpf
from pyebpf import Config, Global, Hash, cpu, perf_event, pid, profile, struct, tid, u32, u64
from pyebpf.helpers import perf_prog_read_value
from pyebpf.kernel.perf_events import EVENTS, BadEvent, EventType, counters_here, event_of, laid_out, sampling_of
from pyebpf.loader import sys as bpf
from pyebpf.loader.attach import perf
from pyebpf.loader.attach.perf_event import max_rate
from pyebpf.loader.cpus import listed_cpus

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PAGE = mmap.PAGESIZE
SPIN = "static void step(void) { for (volatile long i = 0; i < 200000000; i++); }"
THREADS = """
#include <pthread.h>
static void *touch(void *memory) { for (int i = 0; i < 50; i++) ((volatile char *)memory)[i * 4096] = 1; return 0; }
#include <sys/mman.h>
static void step(void) {
  void *memory = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(memory, 1 << 20, MADV_NOHUGEPAGE);
  pthread_t thread; pthread_create(&thread, 0, touch, memory); pthread_join(thread, 0); munmap(memory, 1 << 20); }
"""


@struct
class Counted:
    counter: u64
    enabled: u64
    running: u64


only = Config[u32](0)
samples = Hash[u32, u64](max_entries=64)
by_cpu = Hash[u32, u64](max_entries=1024)
addresses = Hash[u64, u64](max_entries=4096)
faults = Hash[u32, u64](max_entries=64)
period = Global[u64](0)
instruction = Global[u64](0)
stack = Global[u64](0)
counter = Global[u64](0)


@profile(hz=499)
def sample(ctx):
    by_cpu[cpu()] += 1
    if pid() == only.value:
        samples[tid()] += 1
        period.value = ctx.sample_period
        instruction.value = ctx.ip
        stack.value = ctx.sp


@perf_event("page-faults")
def fault(ctx):
    if pid() == only.value:
        faults[tid()] += 1
        addresses[ctx.addr] += 1
        value = Counted()
        perf_prog_read_value(ctx, value)
        counter.value = value.counter


@perf_event
def named_later(ctx):
    if pid() == only.value:
        samples[tid()] += 1


PROBES = (sample, fault, named_later)


@pytest.fixture(scope="module")
def compiled() -> pyebpf.Object:
    return pyebpf.compile(PROBES)


@pytest.fixture
def session(compiled: pyebpf.Object) -> Iterator[pyebpf.Session]:
    with pyebpf.load(compiled, attach=False, config={"only": os.getpid()}) as session:
        yield session


def touched(count: int) -> tuple[int, int]:
    """New pages of this process, each written once: from where to where they lie."""
    memory = mmap.mmap(-1, count * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for number in range(count):
        memory[number * PAGE] = 1
    return start, start + count * PAGE


def test_the_object_carries_its_events(compiled: pyebpf.Object) -> None:
    """In libbpf's section, which has no room for them."""
    found = {program.name: (program.section, program.argument) for program in compiled.programs}
    assert found == {
        "sample": ("perf_event", "cpu-clock,hz=499"),
        "fault": ("perf_event", "page-faults,period=1"),
        "named_later": ("perf_event", ""),
    }


def test_a_profile_of_all_cpus(session: pyebpf.Session) -> None:
    link = session.attach("sample")
    cpus = listed_cpus(Path("/sys/devices/system/cpu/online").read_text())
    assert link.parts == len(cpus) and "cpu-clock, 499 times a second" in link.where
    here = threading.get_native_id()
    end = time.monotonic() + 20
    while time.monotonic() < end and session.maps["samples"].get(here, 0) < 20:
        sum(range(1000))
    assert session.maps["samples"][here] >= 20
    assert set(session.maps["by_cpu"].to_dict()) <= set(cpus)
    assert session.variables["period"].value == pytest.approx(1e9 / 499, rel=0.01)  # in nanoseconds
    assert session.variables["instruction"].value and session.variables["stack"].value
    link.detach()
    before = session.maps["by_cpu"].to_dict()
    time.sleep(0.05)
    assert session.maps["by_cpu"].to_dict() == before


def test_each_page_fault_with_its_address(session: pyebpf.Session) -> None:
    session.attach("fault")
    start, end = touched(64)
    found = [address for address in session.maps["addresses"].to_dict() if start <= address < end]
    assert len(found) == 64 and session.maps["faults"][threading.get_native_id()] >= 64
    assert session.variables["counter"].value > 0


def test_a_period_is_after_how_many(session: pyebpf.Session) -> None:
    session.attach("fault", f"period=8,tid={threading.get_native_id()}")
    start, end = touched(64)
    found = [address for address in session.maps["addresses"].to_dict() if start <= address < end]
    assert 7 <= len(found) <= 9


def test_in_user_mode_alone(session: pyebpf.Session) -> None:
    """A fault in the kernel, which reads into a new page, isn't one of them."""
    with open("/dev/zero", "rb", buffering=0) as zeros:
        for event, expected in (("page-faults:k", 32), ("page-faults:u", 0)):
            link = session.attach("fault", f"{event},tid={threading.get_native_id()}")
            memory = mmap.mmap(-1, 32 * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            memory.madvise(mmap.MADV_NOHUGEPAGE)
            start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
            zeros.readinto(memory)
            link.detach()
            found = session.maps["addresses"].to_dict()
            assert sum(found.pop(start + n * PAGE, 0) for n in range(32)) == expected
            session.maps["addresses"].clear()


def test_the_threads_of_one_process(compiled: pyebpf.Object, tmp_path: Path) -> None:
    """Those that it begins later too; nothing of other processes."""
    program = build_steps(tmp_path, "touching", THREADS, "-pthread")
    with running(program) as watched, running(program) as other:
        with pyebpf.load(compiled, attach=False, config={"only": watched.pid}) as session:
            link = session.attach("fault", pid=watched.pid)
            assert f"process {watched.pid}" in link.where
            watched.step(2)
            other.step(2)
            threads = session.maps["faults"].to_dict()
            assert sum(count >= 50 for thread, count in threads.items() if thread != watched.pid) == 2
            link.detach()
            watched.step()
            assert session.maps["faults"].to_dict() == threads
        with pyebpf.load(compiled, attach=False, config={"only": other.pid}) as session:
            session.attach("fault", f"pid:{watched.pid}")
            other.step(2)
            assert not session.maps["faults"].to_dict()


def test_one_cpu_and_its_link(session: pyebpf.Session, bpf_fs: Path) -> None:
    """Of one CPU there is one link, which can be pinned."""
    link = session.attach("sample", "cpu=0")
    assert link.parts == 1 and link.info.kind == "perf event"
    end = time.monotonic() + 20
    while time.monotonic() < end and not session.maps["by_cpu"].to_dict():
        time.sleep(0.01)
    assert set(session.maps["by_cpu"].to_dict()) == {0}
    link.pin(bpf_fs / "link")
    link.unpin()
    with pytest.raises(pyebpf.LoadError, match="the kernel can't replace programs on a perf event"):
        link.update(session.programs["named_later"])


def test_several_links_have_no_one_name(session: pyebpf.Session, bpf_fs: Path) -> None:
    link = session.attach("sample")
    if link.parts == 1:
        pytest.skip("this machine has one CPU")
    with pytest.raises(pyebpf.LoadError, match=f"the kernel has {link.parts} links for it"):
        link.pin(bpf_fs / "link")
    assert not (bpf_fs / "link").exists()


def test_an_event_named_when_it_is_attached(session: pyebpf.Session) -> None:
    link = session.attach("named_later", "context-switches")
    for _ in range(50):
        time.sleep(0.0001)
    assert session.maps["samples"][threading.get_native_id()] >= 50
    assert "context-switches" in link.where
    with pytest.raises(pyebpf.LoadError, match="needs to know where: --attach named_later=EVENT,hz=99"):
        session.attach("named_later", f"pid={os.getpid()}")


def test_what_the_machine_has_no_counter_for(session: pyebpf.Session) -> None:
    if counters_here():
        pytest.skip("this machine has hardware counters")
    for event in ("cycles", "L1-dcache-load-misses", "r01c2", "instructions:u"):
        with pytest.raises(
            pyebpf.LoadError, match=r"has no hardware counters .* cpu-clock, which @profile takes, works everywhere"
        ) as failed:
            session.attach("named_later", f"{event},period=100000")
        assert failed.value.reason == "kernel"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("cpu-clock", "cpu-clock needs hz=, how often in a second, or period="),
        ("cpu-clock,hz=5,period=5", "not both"),
        ("cpu-clock,hz=5,hz=6", "says twice what hz is"),
        ("cpu-clok,hz=5", "is no perf event; did you mean cpu-clock"),
        ("faults,cs", "says twice which event it is"),
        ("faults:x", "letters behind the colon are u, k, I, p"),
        ("faults:", "letters behind the colon are u, k, I, p"),
        ("faults,cpu=4000", "CPU 4000 isn't online"),
        ("faults,cpu=99999999999", "99999999999 is no cpu"),
        ("faults,pid=0", "0 is no pid"),
        ("faults,pid=2147483647", "there is no process 2147483647"),
        ("faults,tid:2147483647", "there is no thread 2147483647"),
        ("faults,pid=1,cpu=0", "for one of pid and cpu, not for both"),
        ("faults,period=0", "says period is 0"),
        ("faults,period=9223372036854775808", "a period is a number from 1"),
    ],
)
def test_places_that_are_none(session: pyebpf.Session, where: str, words: str) -> None:
    with pytest.raises(pyebpf.LoadError, match=words):
        session.attach("named_later", where)
    assert not session.links


def test_more_often_than_the_kernel_allows(session: pyebpf.Session) -> None:
    with pytest.raises(pyebpf.LoadError, match=f"allows {max_rate():,} times a second .*max_sample_rate"):
        session.attach("named_later", f"cpu-clock,hz={max_rate() + 1}")


def test_places_are_text(session: pyebpf.Session) -> None:
    with pytest.raises(pyebpf.LoadError, match="is attached by text"):
        session.attach("sample", 3)


def test_by_the_ioctl_as_before_links(session: pyebpf.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Linux before 5.15 does: there is no link, and closing the event is what ends it."""

    def refuse(*_: object, **__: object) -> bpf.Descriptor:
        raise OSError(22, "as before 5.15")

    monkeypatch.setattr(perf.sys, "link_create", refuse)
    link = session.attach("fault", f"tid={threading.get_native_id()}")
    start, end = touched(16)
    found = [address for address in session.maps["addresses"].to_dict() if start <= address < end]
    assert len(found) == 16
    with pytest.raises(pyebpf.LoadError, match="has attached it without one"):
        _ = link.info
    link.detach()
    session.maps["addresses"].clear()
    touched(16)
    assert not session.maps["addresses"].to_dict()


def test_events_by_name() -> None:
    names = [name for event in EVENTS for name in event.names]
    assert len(names) == len(set(names))
    assert event_of("LLC-store-misses").config == 2 | 1 << 8 | 1 << 16
    assert event_of("r1A8").config == 0x1A8 and event_of("r1A8").type == EventType.RAW
    assert event_of("cycles:pp").exact and not event_of("cycles:u").exact
    assert event_of("cycles:uk").flags & 0b110000 == 0
    assert str(sampling_of("cycles:u", hz=9)) == "cycles:u,hz=9"
    for wrong in ("", "cycles:pppp", "r", "r12345678901234567", "page faults"):
        with pytest.raises(BadEvent):
            event_of(wrong)


def test_bits_on_big_endian_machines() -> None:
    """As C lays bit fields out there: the first at the top, numbers of several bits in their order."""
    assert laid_out(0b1, big_endian=True) == 1 << 63
    assert laid_out(1 << 10, big_endian=True) == 1 << 53
    assert laid_out(event_of("cycles:p").flags, big_endian=True) == 1 << 47
    assert laid_out(event_of("cycles:pp").flags, big_endian=True) == 2 << 47
    assert laid_out(event_of("cycles:pp").flags, big_endian=False) == 2 << 15


def test_each_software_event_is_one_of_the_kernel(session: pyebpf.Session) -> None:
    for event in EVENTS:
        if event.type == EventType.SOFTWARE:
            link = session.attach("named_later", f"{event.name},period=1000000000,tid={threading.get_native_id()}")
            assert link.attached
            link.detach()
