"""Loops over the kernel's own iterators: what comes out is what /proc says, and they end on every way out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from run_kernel import cgroup_mount, in_child
from test_effort import MOST, counts

import pyebpf
from pyebpf import (
    BPF_CGROUP_ITER_DESCENDANTS_PRE,
    BPF_TASK_ITER_ALL_PROCS,
    BPF_TASK_ITER_PROC_THREADS,
    CSS_TASK_ITER_PROCS,
    XDP,
    Array,
    Global,
    Hash,
    RingBuf,
    char,
    function,
    i32,
    iterator,
    kernel_str,
    rcu,
    struct,
    u32,
    u64,
    xdp,
)
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kfuncs import (
    bpf_cgroup_from_id,
    bpf_preempt_disable,
    bpf_task_acquire,
    bpf_task_from_pid,
    iter_bits,
    iter_css,
    iter_css_task,
    iter_dmabuf,
    iter_kmem_cache,
    iter_num,
    iter_task,
    iter_task_vma,
)

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(
        Btf.running().find("bpf_iter_bits_new", Kind.FUNC) is None, reason="Linux 6.11 brought the last of them"
    ),
]


@struct
class Event:
    number: u64


wanted = Global[i32](0)
group = Global[u64](0)
count = Global[u64](0)
total = Global[u64](0)
cells = Array[u64](max_entries=16)
names = Hash[u32, char[16]](max_entries=20_000)
mappings = Hash[u64, u64](max_entries=20_000)
groups = Hash[u64, char[64]](max_entries=100)
members = Hash[u32, u32](max_entries=100)
events = RingBuf[Event](size=4096)


@xdp
def processes(packet):
    n = 0
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        names[task.pid] = task.comm
        n += 1
    count.value = n
    return XDP.DROP


@xdp
def threads(packet):
    with bpf_task_from_pid(wanted.value) as task:
        count.value = sum(1 for thread in iter_task(task, BPF_TASK_ITER_PROC_THREADS) if thread.tgid == task.pid)
        if any(thread.pid == task.pid for thread in iter_task(task, BPF_TASK_ITER_PROC_THREADS)):
            return XDP.TX
    return XDP.DROP


@xdp
def memory(packet):
    with bpf_task_from_pid(wanted.value) as task:
        for vma in iter_task_vma(task, 0):
            mappings[vma.vm_start] = vma.vm_end
    return XDP.DROP


@xdp
def memory_of_two(packet):
    """One has no memory: that loop has no rounds, and no fault."""
    n = 0
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        if task.pid == wanted.value or task.pid == 2:
            for number, _ in enumerate(iter_task_vma(task, 0), 1):
                n = number
    count.value = n
    return XDP.DROP


@xdp
def cgroups(packet):
    with bpf_cgroup_from_id(group.value) as root:
        for css in iter_css(root.self, BPF_CGROUP_ITER_DESCENDANTS_PRE):
            groups[css.cgroup.kn.id] = css.cgroup.kn.name
    return XDP.DROP


@iterator("task")
def in_cgroup(task):
    if task.pid != wanted.value:
        return
    with bpf_cgroup_from_id(group.value) as root:
        for member in iter_css_task(root.self, CSS_TASK_ITER_PROCS):
            members[u32(member.pid)] = 1


@iterator("task", sleepable=True)
def that_sleep(task):
    """Two that may sleep themselves, and one that must not, where it doesn't go without saying."""
    if task.pid != wanted.value:
        return
    n = 0
    for cache in iter_kmem_cache():
        name: char[16] = kernel_str(cache.name)
        if name == "task_struct":
            total.value = cache.object_size
        n += 1
    cells[0] = sum(1 for _ in iter_dmabuf())
    with rcu:
        cells[1] = sum(1 for _ in iter_task(task, BPF_TASK_ITER_PROC_THREADS))
    count.value = n


@xdp
def bits(packet):
    mask = u64[2](0b101, 1 << 63)
    for number, bit in enumerate(iter_bits(mask)):
        cells[number] = bit
    with bpf_task_from_pid(wanted.value) as task:
        count.value = sum(1 for cpu in iter_bits(task.cpus_mask.bits))
    return XDP.DROP


@xdp
def numbers(packet):
    """As Python counts: with what is decided by a count, an index, and a fault."""
    seen = 0
    flag = False
    for i in iter_num(0, wanted.value):
        if i % 3 == 0:
            continue
        if seen < 16:
            cells[seen] = i
        elif flag:
            break
        if i > 25:
            flag = True
        seen += 1
    else:
        total.value = 1
    count.value = seen
    return XDP.DROP


@xdp
def kept_in_memory(packet):
    at = u64[2]()
    for _ in iter_num(0, 100):
        if at[1] < 16:
            cells[at[1]] = at[1] + 1
        at[1] += 1
    count.value = at[1]
    return XDP.DROP


@xdp
def ways_out(packet):
    """Left by a return, a break, a continue of the loop around, a fault that is caught and one that isn't."""
    n = 0
    for i in iter_num(0, 10):
        with events.reserve() as event:
            event.number = i
            for j in range(4):
                if j == 3:
                    break
                try:
                    for k in iter_num(0, 5):
                        n += 1
                        if i == 2:
                            raise ValueError
                        if i == 3:
                            break
                        if i == wanted.value and k == 4:
                            return XDP.TX
                        if i == 5:
                            cells[k + 12] += 1
                except ValueError:
                    n += 1000
                finally:
                    n += 100
    count.value = n
    return XDP.DROP


@function
def first(limit):
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        if task.pid >= limit:
            return u64(task.pid)
    return 0


@xdp
def in_functions(packet):
    with bpf_preempt_disable():
        count.value = first(1)
        total.value = first(2) + first(1 << 24)
    return XDP.DROP


@xdp
def held(packet):
    n = 0
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        if task.pid == wanted.value:
            with bpf_task_acquire(task) as process:
                for _ in iter_task(process, BPF_TASK_ITER_PROC_THREADS):
                    n += 1
    count.value = n
    return XDP.DROP


@xdp
def refused(packet):
    for _ in iter_num(5, wanted.value):
        count.value += 1
    return XDP.DROP


@xdp
def in_loops(packet):
    """Inside of a loop that the kernel runs as a function, and with one inside."""
    n = 0
    for _i in range(100_000):
        for j in iter_num(0, 3):
            n += j
        if n == 1 << 30:
            return XDP.TX
    for i in iter_num(0, 3):
        for key in members:
            n += u64(key) + i
    count.value = n
    return XDP.DROP


LEAST = 0.35
"""Times the verifier's own count: of small programs the model finds less."""
PROBES = (
    *(processes, threads, memory, memory_of_two, cgroups, bits, numbers, kept_in_memory, ways_out, in_functions),
    *(held, refused, in_loops),
)


@contextmanager
def loaded(*probes: object, faults: tuple[str, ...] = ()) -> Iterator[Callable[..., None]]:
    """A function that runs a probe and wants a result; at the end there were such faults."""
    with pyebpf.load(probes, attach=False) as session:

        def run(probe: Any, expected: int = XDP.DROP) -> None:
            assert session.programs[probe.__name__].test_run(data=bytes(64)).result == expected

        yield run
        assert tuple(fault.kind for fault in session.faults) == faults


def listed() -> set[int]:
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()}


def test_processes() -> None:
    with loaded(processes) as run:
        before = listed()
        run(processes)
        after = listed()
        found = dict(names.items())
        own = before & after - {1}  # the first of a namespace may have another number outside
        assert own <= found.keys() and found[os.getpid()] == Path("/proc/self/comm").read_text().strip()
        assert len(found) == count.value


def test_threads() -> None:
    waiting = threading.Event()
    others = [threading.Thread(target=waiting.wait) for _ in range(3)]
    for other in others:
        other.start()
    try:
        with loaded(threads, held) as run:
            wanted.value = os.getpid()
            run(threads, XDP.TX)
            assert count.value == len(list(Path("/proc/self/task").iterdir())) >= 4
            count.value = 0
            run(held)
            assert count.value == len(list(Path("/proc/self/task").iterdir()))
    finally:
        waiting.set()
        for other in others:
            other.join()


def maps() -> set[tuple[int, int]]:
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if "vsyscall" not in line]
    ends = (line.split()[0].split("-") for line in lines)
    return {(int(start, 16), int(end, 16)) for start, end in ends}


def test_memory() -> None:
    with loaded(memory, memory_of_two) as run:
        wanted.value = os.getpid()
        before = maps()
        run(memory)
        found = set(mappings.items())
        assert len(before & found) > 20 and not before & maps() - found
        run(memory_of_two)
        assert abs(count.value - len(found)) < 10


def test_cgroups(cgroup: Path) -> None:
    inner = [cgroup / name for name in ("one", "two")]
    for folder in inner:
        folder.mkdir()
    try:
        with loaded(cgroups) as run:
            group.value = cgroup.stat().st_ino
            run(cgroups)
            assert dict(groups.items()) == {path.stat().st_ino: path.name for path in (cgroup, *inner)}
        assert in_child(lambda: processes_in(cgroup)) == [True, True]
    finally:
        for folder in inner:
            folder.rmdir()


def processes_in(cgroup: Path) -> list[bool]:
    """Whether there are none before this process enters, and itself afterwards."""
    with pyebpf.load(in_cgroup) as session:
        wanted.value, group.value = os.getpid(), cgroup.stat().st_ino
        session.links["in_cgroup"].read()
        nobody = not list(members)
        (cgroup / "cgroup.procs").write_text("0")
        session.links["in_cgroup"].read()
        found = list(members) == [os.getpid()]
        Path(str(cgroup_mount()), "cgroup.procs").write_text("0")
        return [nobody, found]


@pytest.mark.skipif(Btf.running().find("bpf_iter_dmabuf_new", Kind.FUNC) is None, reason="Linux 6.17 brought it")
def test_programs_that_may_sleep() -> None:
    with pyebpf.load(that_sleep) as session:
        wanted.value = os.getpid()
        session.links["that_sleep"].read()
        rows = [line.split() for line in Path("/proc/slabinfo").read_text().splitlines()[2:]]
        assert total.value == next(int(row[3]) for row in rows if row[0] == "task_struct")
        assert count.value == len(rows)
        assert list(cells)[:2] == [0, len(list(Path("/proc/self/task").iterdir()))]
        assert not session.faults


def test_bits() -> None:
    with loaded(bits) as run:
        wanted.value = os.getpid()
        run(bits)
        assert list(cells)[:4] == [0, 2, 127, 0]
        assert count.value == len(os.sched_getaffinity(0))


def counted(stop: int) -> tuple[int, int, list[int]]:
    """What `numbers` computes, by Python."""
    seen, ended, found = 0, 0, [0] * 16
    flag = False
    for i in range(stop):
        if i % 3 == 0:
            continue
        if seen < 16:
            found[seen] = i
        elif flag:
            break
        if i > 25:
            flag = True
        seen += 1
    else:
        ended = 1
    return seen, ended, found


def test_numbers() -> None:
    with loaded(numbers) as run:
        for stop in (0, 1, 7, 26, 100):
            for index in range(16):
                cells[index] = 0
            wanted.value, total.value = stop, 0
            run(numbers)
            assert (count.value, total.value, list(cells)) == counted(stop), stop


def test_a_count_in_memory() -> None:
    with loaded(kept_in_memory) as run:
        run(kept_in_memory)
        assert list(cells) == list(range(1, 17)) and count.value == 100


def test_every_way_out() -> None:
    with loaded(ways_out, faults=("IndexError",)) as run:
        wanted.value = 11
        run(ways_out, XDP.PASS)
        assert list(cells)[12:] == [1] * 4
        assert [event.number for event in events.poll(0)] == [0, 1, 2, 3, 4], "the last one was given back"
        wanted.value = 4
        run(ways_out, XDP.TX)
        assert [event.number for event in events.poll(0)] == [0, 1, 2, 3, 4]


def test_functions() -> None:
    with loaded(in_functions) as run:
        run(in_functions)
        assert 1 <= count.value <= total.value < os.getpid() + 1


def test_arguments_that_the_kernel_refuses() -> None:
    with loaded(refused, faults=("ValueError",)) as run:
        wanted.value = 4
        run(refused, XDP.PASS)
        assert count.value == 0


def test_loops_in_loops() -> None:
    with loaded(in_loops) as run:
        members[5] = 1
        run(in_loops)
        assert count.value == 100_000 * 3 + 3 * 5 + 3


def test_what_the_verifier_does_is_known() -> None:
    """The model of `pyebpf.effort` follows these loops as the kernel does."""
    for name, (ours, kernel) in counts(pyebpf.compile(PROBES)).items():
        assert LEAST * kernel <= ours <= MOST * kernel, f"{name}: {ours} for {kernel}"
