"""What maps, rings, locks and helpers do in the simulator, and in the kernel: the same test, in both."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Any

import both_ways
import pytest
from places import import_file

import pyebpf
from pyebpf import XDP, Queue, u32
from pyebpf.simulator.errors import SimulationError
from pyebpf.testing import Simulator
from pyebpf.testing.in_kernel import Unsuitable

HEAD = "from pyebpf import *\nfrom pyebpf import IPv4\n"
PACKET = bytes(range(64))


simulate, load = both_ways.simulate, both_ways.load


def test_hashes(load: Any, simulate: Simulator) -> None:
    probes = load("""
table = Hash[u32, u64](max_entries=3)

@xdp
def probe(packet):
    key = u32(packet.load(0, u8))
    if packet.load(1, u8) == 1:
        table[key] = 5
    elif packet.load(1, u8) == 2:
        table[key] += 2
    elif packet.load(1, u8) == 3:
        del table[key]
    else:
        table[key] = table[key] * 2
    return XDP.DROP
""")

    def step(key: int, way: int) -> str:
        fault = simulate(probes.probe, packet=bytes([key, way]) + bytes(62)).fault
        return fault.kind if fault is not None else ""

    assert [step(1, 4), step(1, 1), step(1, 2), step(2, 2), step(3, 1), step(4, 1), step(4, 2)] == [
        "KeyError", "", "", "", "", "MemoryError", "MemoryError",
    ]  # fmt: skip
    assert probes.table.to_dict() == {1: 7, 2: 2, 3: 5}
    assert [step(2, 3), step(2, 3), step(1, 4), step(9, 1)] == ["", "KeyError", "", ""]
    assert probes.table.to_dict() == {1: 14, 3: 5, 9: 5}
    with pytest.raises(MemoryError):
        probes.table[10] = 1
    with pytest.raises(KeyError):
        del probes.table[10]
    probes.table.clear()
    assert len(probes.table) == 0 and 9 not in probes.table


def test_indexes_from_the_end(load: Any, simulate: Simulator) -> None:
    """A probe finds at an index what the map itself gives in Python, and IndexError where that raises it."""
    probes = load("""
cells = Array[u64](max_entries=4)
own = PerCpuArray[u32](max_entries=3)

@xdp
def probe(packet):
    cells[packet.load(0, i8)] += packet.load(1, u8)
    own[-1] += 1
    if cells.get(packet.load(2, i8)) is None:
        return XDP.PASS
    return XDP.DROP
""")
    for index in (-128, -5, -4, -1, 0, 3, 4, 127):
        for number, found in enumerate(probes.cells):
            assert found == probes.cells[number - 4]
        before = list(probes.cells)
        run = simulate(probes.probe, packet=bytes([index & 255, 7, index & 255]) + bytes(61))
        try:
            before[index] += 7
        except IndexError:
            with pytest.raises(IndexError):
                probes.cells[index]
            assert run.fault.kind == "IndexError"
        else:
            assert run.fault is None and run.result == XDP.DROP
        assert list(probes.cells) == before
        if run.fault is not None:
            run = simulate(probes.probe, packet=bytes([0, 0, index & 255]) + bytes(61))
            assert run.fault is None and run.result == XDP.PASS
    assert [each.sum() for each in probes.own] == [0, 0, 8]


def test_a_hash_map_as_a_whole(load: Any, simulate: Simulator) -> None:
    probes = load("""
table = Hash[u32, u64](max_entries=8)
results = Array[u64](max_entries=8)

@xdp
def probe(packet):
    results[0] = sum(table.values())
    results[1] = sum(k * v for k, v in table.items() if k != 2)
    results[2] = max(table, default=77)
    results[3] = any(v == 6 for v in table.values())
    results[4] = len(table)
    results[5] = 0
    for i, k in enumerate(table, 1):
        results[5] += i
        if i == 3:
            break
    return XDP.DROP
""")
    table: dict[int, int] = {}
    for key, value in ((1, 5), (2, 6), (7, 1), (3, 3)):
        assert simulate(probes.probe, packet=PACKET).fault is None
        assert list(probes.results)[:6] == [
            sum(table.values()),
            sum(k * v for k, v in table.items() if k != 2),
            max(table, default=77),
            any(v == 6 for v in table.values()),
            len(table),
            sum(range(1, min(len(table), 3) + 1)),
        ]
        table[key] = probes.table[key] = value


def test_arrays_and_histograms(load: Any, simulate: Simulator) -> None:
    probes = load("""
cells = Array[u64](max_entries=4)
sizes = Histogram(unit="bytes")

@xdp
def probe(packet):
    sizes.observe(len(packet))
    cells[packet.load(0, u8)] += packet.load(1, u8)
    return XDP.DROP
""")
    for index in (0, 3, 4, 3):
        simulate(probes.probe, packet=bytes([index, 7]) + bytes(62))
    assert list(probes.cells) == [7, 0, 0, 14] and probes.cells[-1] == 14
    assert [(fault.kind, fault.count) for fault in simulate.faults] == [("IndexError", 1)]
    assert probes.sizes.buckets() == [(64, 127, 4)]
    probes.cells[1] = 9
    probes.cells.clear()
    assert list(probes.cells) == [0] * 4


def test_longest_prefix(load: Any, simulate: Simulator) -> None:
    probes = load("""
nets = LpmTrie[IPv4Network, u32](max_entries=8)
out = Global[u64](0)

@xdp
def probe(packet):
    ip = packet.parse(IPv4)
    out.value = 0
    if ip.saddr in nets:
        out.value = nets[ip.saddr]
    return XDP.DROP
""")
    probes.nets["10.0.0.0/8"] = 1
    probes.nets["10.1.0.0/16"] = 2
    probes.nets["10.1.2.3/32"] = 3
    assert len(probes.nets) == 3
    found = []
    for last in ((10, 9, 9, 9), (10, 1, 9, 9), (10, 1, 2, 3), (10, 1, 2, 4), (11, 1, 2, 3)):
        simulate(probes.probe, packet=bytes([0x45]) + bytes(11) + bytes(last) + bytes(48))
        found.append(probes.out.value)
    assert found == [1, 2, 3, 2, 0]


def test_queues(load: Any, simulate: Simulator) -> None:
    probes = load("""
waiting = Queue[u32](max_entries=2)
pile = Stack[u32](max_entries=2)
known = BloomFilter[u32](max_entries=100)
out = Global[u64](0)

@xdp
def put(packet):
    waiting.push(u32(packet.load(0, u8)))
    pile.push(u32(packet.load(0, u8)))
    known.add(u32(packet.load(0, u8)))
    return XDP.DROP

@xdp
def take(packet):
    out.value = waiting.peek() * 1000000 + waiting.pop() * 1000 + pile.pop() * 10 + (7 in known)
    return XDP.DROP
""")
    for number in (7, 8):
        assert simulate(probes.put, packet=bytes([number]) + bytes(63)).fault is None
    assert simulate(probes.put, packet=bytes([9]) + bytes(63)).fault.kind == "MemoryError"
    assert simulate(probes.take, packet=PACKET).fault is None and probes.out.value == 7_007_081
    assert simulate(probes.take, packet=PACKET).fault is None and probes.out.value == 8_008_071
    assert simulate(probes.take, packet=PACKET).fault.kind == "IndexError"
    probes.waiting.push(3)
    assert probes.waiting.peek() == 3 and probes.waiting.pop() == 3 and probes.waiting.pop(None) is None
    assert 7 in probes.known


def test_a_full_ring(load: Any, simulate: Simulator) -> None:
    probes = load("""
@struct
class Event:
    number: u32
    filling: u8[1000]

ring = RingBuf[Event](size=4096)

@xdp
def probe(packet):
    for i in range(6):
        with ring.reserve() as event:
            event.number = i
            assert i != packet.load(0, u8)
    print("done", packet.load(0, u8))
    return XDP.DROP
""")
    result = simulate(probes.probe, packet=bytes([99]) + bytes(63))
    assert [event.number for event in result.events] == [0, 1, 2, 3] and result.printed == ["done 99"]
    assert probes.ring.dropped == 2
    assert [event.number for event in probes.ring.poll(0)] == [0, 1, 2, 3] and probes.ring.poll(0) == []
    result = simulate(probes.probe, packet=bytes([1]) + bytes(63))
    assert result.fault.kind == "AssertionError" and [event.number for event in result.events] == [0]


def test_locks(load: Any, simulate: Simulator) -> None:
    probes = load("""
@struct
class Account:
    lock: SpinLock
    low: u32
    high: u32

accounts = Hash[u32, Account](max_entries=4)

@xdp
def probe(packet):
    account = accounts[packet.load(0, u8)]
    with account.lock:
        account.low += 1
        if account.low == 2:
            return XDP.TX
        account.high += 10
    return XDP.DROP
""")
    probes.accounts[3] = {"low": 0, "high": 0}
    assert simulate(probes.probe, packet=bytes([3]) + bytes(63)).result.name == "DROP"
    assert simulate(probes.probe, packet=bytes([3]) + bytes(63)).result.name == "TX"
    assert (probes.accounts[3].low, probes.accounts[3].high) == (2, 10)
    probes.accounts[3] = {"low": 7, "high": 8}
    assert (probes.accounts[3].low, probes.accounts[3].high) == (7, 8)
    assert simulate(probes.probe, packet=bytes(64)).fault.kind == "KeyError"


def test_tail_calls(load: Any, simulate: Simulator) -> None:
    probes = load("""
out = Global[u64](0)

@xdp
def first(packet):
    out.value += 1
    return XDP.DROP

@xdp
def again(packet):
    out.value += 1
    return jumps[1](packet)

jumps = ProgArray({0: first, 2: first}, max_entries=8)

@xdp
def start(packet):
    out.value = 100
    return jumps[packet.load(0, u8)](packet)
""")
    assert simulate(probes.start, packet=bytes(64)).result.name == "DROP" and probes.out.value == 101
    result = simulate(probes.start, packet=bytes([5]) + bytes(63))
    assert (result.fault.kind, result.fault.program, probes.out.value) == ("KeyError", "start", 100)
    probes.jumps[1] = probes.again
    result = simulate(probes.start, packet=bytes([1]) + bytes(63))
    assert (result.fault.kind, result.fault.program, probes.out.value) == ("KeyError", "again", 133)
    del probes.jumps[0]
    assert simulate(probes.start, packet=bytes(64)).fault.kind == "KeyError"


def test_values_per_cpu(load: Any, simulate: Simulator) -> None:
    probes = load("""
hits = PerCpuHash[u32, u64](max_entries=4)
cells = PerCpuArray[u32](max_entries=2)

@xdp
def probe(packet):
    hits[packet.load(0, u8)] += 2
    cells[1] += 3
    return XDP.DROP
""")
    probes.hits[2] = 5
    for _ in range(2):
        simulate(probes.probe, packet=bytes([1]) + bytes(63))
    assert probes.hits[1].sum() == 4 and sorted(probes.hits[1])[-1] == 4 and set(probes.hits[2]) == {5}
    assert probes.cells[1].sum() == 6 and probes.cells[0].sum() == 0


TEXT = """
keys = Hash[char[32], u64](max_entries=8)
mine = Config[u32](0)
ring = RingBuf[Named](size=4096)

@tracepoint("syscalls:sys_enter_unlink")
def probe(ctx):
    if pid() != mine.value:
        return
    noise = u64[8]()
    for i in range(8):
        noise[i] = 0x4141414141414141 + pid()
    if noise[pid() & 7] == 7:
        return
    keys[user_str(ctx.pathname)] += 1
    with ring.reserve() as event:
        event.name = user_str(ctx.pathname)
"""
NAMED = """
@struct
class Named:
    number: u32
    name: char[20]
"""
NAMES = ("/a name that is long enough", "/ab", "/another name of this length", "/ab")


def test_text_leaves_nothing_behind_its_end(tmp_path: Path) -> None:
    """The helper writes text up to its NUL only, on a stack and in a ring that have other things in them."""
    path = tmp_path / "probes.py"
    path.write_text(HEAD + NAMED + TEXT)
    probes = import_file(path)
    with Simulator() as simulate:
        simulate.load(probes.probe, config={"mine": 9})
        for name in NAMES:
            assert simulate(probes.probe, ctx={"pathname": name}, pid=9).fault is None
        assert probes.keys.to_dict() == {NAMES[0]: 1, NAMES[1]: 2, NAMES[2]: 1}


@pytest.mark.kernel
@pytest.mark.usefixtures("nothing_left")
def test_text_leaves_nothing_behind_its_end_in_the_kernel(tmp_path: Path) -> None:
    path = tmp_path / "probes.py"
    path.write_text(HEAD + NAMED + TEXT)
    with pyebpf.load(path, config={"mine": os.getpid()}) as session:
        for name in NAMES * 60:  # more than the ring holds, so that records lie where others were
            with contextlib.suppress(OSError):
                ctypes.CDLL(None).unlink(name.encode())
            events = session.maps["ring"].read_numpy()
            assert events["name"].tolist() == [name.encode()[:19]] and events["number"].tolist() == [0]
        assert session.maps["keys"].to_dict() == {NAMES[0]: 60, NAMES[1]: 120, NAMES[2]: 60}


def test_maps_in_maps(load: Any, simulate: Simulator) -> None:
    probes = load("""
first = Hash[u32, u64](max_entries=16)
spare = Hash[u32, u64](max_entries=4)
tables = HashOfMaps[u32, Hash[u32, u64](max_entries=16)](max_entries=2)
fixed = ArrayOfMaps[Hash[u32, u64](max_entries=16)]({1: first}, max_entries=2)
queues = ArrayOfMaps[Queue[u32](max_entries=4)](max_entries=2)
out = Global[u64](0)

@xdp
def probe(packet):
    first[9] = 1
    table = tables[u32(packet.load(0, u8))]
    table[1] += 5
    if 2 in table:
        del table[2]
    fixed[1][7] = table[1]
    queues[0].push(44)
    out.value = queues[0].pop(0) + fixed[packet.load(1, u8)][7]
    return XDP.DROP
""")
    assert simulate(probes.probe, packet=bytes(64)).fault.kind == "KeyError"
    probes.tables[3] = probes.spare
    probes.spare.update({1: 10, 2: 20})
    probes.queues[0] = made = Queue[u32](max_entries=4)
    assert simulate(probes.probe, packet=bytes([3, 1]) + bytes(62)).fault is None
    assert probes.spare.to_dict() == {1: 15} == probes.tables[3].to_dict()
    assert probes.first.to_dict() == {9: 1, 7: 15} and probes.out.value == 59 and made.pop(None) is None
    assert simulate(probes.probe, packet=bytes([3, 0]) + bytes(62)).fault.kind == "KeyError"
    assert list(probes.tables) == [3] and len(probes.fixed) == 1 and 0 not in probes.fixed
    del probes.tables[3]
    assert simulate(probes.probe, packet=bytes([3, 1]) + bytes(62)).fault.kind == "KeyError"


def test_values_of_tasks(load: Any, simulate: Simulator) -> None:
    probes = load("""
@struct
class State:
    calls: u64
    last: u32

counts = TaskStorage[u64]()
states = TaskStorage[State]()
out = Global[u64](0)

@xdp
def probe(packet):
    if current_task() in counts:
        out.value = counts[current_task()]
        del counts[current_task()]
        return XDP.TX
    counts[current_task()] += 5
    counts[current_task()] = counts[current_task()] * 2
    state = states.setdefault(current_task(), State(calls=10))
    state.calls += 1
    return XDP.DROP

@xdp
def missing(packet):
    return XDP.DROP if counts[current_task()] > 0 else XDP.TX
""")
    assert simulate(probes.missing, packet=PACKET).fault.kind == "KeyError"
    assert [simulate(probes.probe, packet=PACKET).result.name for _ in range(3)] == ["DROP", "TX", "DROP"]
    assert probes.out.value == 10
    if probes.counts.kind == "TaskStorage" and not simulate.in_kernel:
        assert dict(probes.counts) == {1000: 10} and probes.states[1000] == (12, 0)
        assert simulate(probes.missing, packet=PACKET, pid=7).fault.kind == "KeyError"
        probes.counts[7] = 0
        assert simulate(probes.missing, packet=PACKET, pid=7).result.name == "TX"


TIMERS = """
@struct
class Slot:
    timer: Timer
    rounds: u32
    number: u64

@struct
class Note:
    key: u32
    rounds: u32

slots = Array[Slot](max_entries=3)
flows = Hash[u32, Slot](max_entries=4)
recent = LruHash[char[4], Slot](max_entries=2)
notes = RingBuf[Note](size=4096)
sum_of = Global[u64]()
most = Config[u32](3)

@function
def tick(key, slot):
    slot.rounds += 1
    with notes.reserve() as note:
        note.key, note.rounds = key, slot.rounds
    if slot.rounds < most.value:
        slot.timer.start(1_000_000 * (key + 1), tick)
    sum_of.value += slot.number

@function
def divide(key, slot):
    sum_of.value += 1000
    sum_of.value += 100 // slot.number
    del flows[key]

@function
def by_name(key, slot):
    if key == "bill" and slot.number == 3:
        sum_of.value += 7

@xdp
def start(packet):
    for i in range(3):
        slots[i].timer.start(1_000_000 * i + 500_000, tick)
    flows[packet.load(0, u8)].timer.start(3_000_000, divide)
    return XDP.DROP

@xdp
def again(packet):
    def other(slot):
        sum_of.value += 11

    slots[0].timer.start(2_000_000, tick)
    slots[0].timer.start(1_000_000, other)
    running = slots[0].timer.cancel()
    running_still = slots[0].timer.cancel()
    slots[1] = Slot(number=packet.load(0, u8))
    flows[1] = Slot(number=5)
    if "bill" not in recent:
        recent["bill"] = Slot(number=3)
    recent["bill"].timer.start(1, by_name)
    return XDP.TX if running and not running_still else XDP.DROP
"""


def test_timers(load: Any, simulate: Simulator) -> None:
    probes = load(TIMERS)
    for key, number in ((4, 0), (7, 50)):
        probes.flows[key] = {"number": number}
        probes.slots[1] = {"number": key}
        assert simulate(probes.start, packet=bytes([key]) + bytes(63)).result.name == "DROP"
        simulate.advance(200_000_000)
    assert set(probes.flows) == {4}
    assert [(fault.kind, fault.program, fault.count) for fault in simulate.faults] == [
        ("ZeroDivisionError", "start", 1)
    ]
    assert [slot.rounds for slot in probes.slots] == [4, 3, 4]
    assert probes.sum_of.value == 1000 + 4 * 3 + 1000 + 2 + 7 * 3
    events = [(event.key, event.rounds) for event in probes.notes.poll(0)]
    in_order = [(0, 1), (1, 1), (0, 2), (2, 1), (0, 3), (1, 2), (2, 2), (1, 3), (2, 3), (0, 4), (1, 1), (2, 4), (1, 2)]
    in_order.append((1, 3))
    assert sorted(events) == sorted(in_order)
    assert simulate.in_kernel or events == in_order  # the kernel may be late


def test_timers_that_end_early(load: Any, simulate: Simulator) -> None:
    """Cancelled, or gone with their entries, of which new values make new ones."""
    probes = load(TIMERS)
    probes.flows[1] = {"number": 3}
    assert simulate(probes.start, packet=bytes([1]) + bytes(63)).fault is None
    assert simulate(probes.again, packet=bytes([9]) + bytes(63)).result.name == "TX"
    probes.slots[2] = {"number": 8}
    simulate.advance(100_000_000)
    assert [(slot.rounds, slot.number) for slot in probes.slots] == [(0, 0), (0, 9), (0, 8)]
    assert probes.sum_of.value == 7 and probes.flows[1].number == 5
    assert simulate(probes.start, packet=bytes([1]) + bytes(63)).fault is None
    del probes.flows[1]
    simulate.advance(100_000_000)
    assert [slot.rounds for slot in probes.slots] == [3, 3, 3] and probes.sum_of.value == 7 + 3 * (9 + 8)


def test_the_clock_of_the_simulator(load: Any, simulate: Simulator) -> None:
    """`now=` sets it, `advance` moves it on; what never comes to rest is said."""
    if simulate.in_kernel:
        with pytest.raises(Unsuitable, match="lets 7,200 seconds pass"):
            simulate.advance(7200 * 10**9)
        return
    probes = load("""
@struct
class Slot:
    timer: Timer
    times: u64[4]
    rounds: u32

slots = Array[Slot](max_entries=1)
wait = Global[u64](10)

@function
def note(slot):
    slot.times[slot.rounds & 3] = ktime_ns()
    slot.rounds += 1
    slot.timer.start(wait.value, note)

@xdp
def start(packet):
    slots[0].timer.start(7, note)
    return XDP.DROP
""")
    simulate(probes.start, packet=PACKET, now=1000)
    simulate.advance(6)
    assert simulate.now == 1006 and probes.slots[0].rounds == 0
    simulate.advance(21)
    assert probes.slots[0].times == (1007, 1017, 1027, 0)
    with pytest.raises(SimulationError, match="advance takes nanoseconds"):
        simulate.advance(-1)
    probes.wait.value = 0
    with pytest.raises(SimulationError, match="never come to rest"):
        simulate.advance(10)


def test_values_that_are_made_of_zeros(load: Any, simulate: Simulator) -> None:
    probes = load("""
@struct
class State:
    calls: u64
    last: u32

tasks = TaskStorage[State]()
numbers = TaskStorage[u64]()
groups = CgroupStorage[State]()
out = Global[u64](0)

@xdp
def probe(packet):
    state = tasks.get(current_task(), create=True)
    state.calls += 1
    out.value = state.calls * 100 + numbers.get(current_task(), create=True)
    numbers[current_task()] += 1
    group = groups.get(current_cgroup(), create=True)
    group.calls += 2
    if (there := groups.get(current_cgroup(), create=False)) is None:
        return XDP.TX
    out.value += there.calls * 10000
    del tasks[current_task()]
    return XDP.DROP
""")
    for expected in (20100, 40101, 60102):
        assert simulate(probes.probe, packet=PACKET).result.name == "DROP" and probes.out.value == expected
    assert simulate.faults == ()


def test_storage_of_sockets_and_cgroups(load: Any, simulate: Simulator) -> None:
    probes = load("""
sockets = SkStorage[u64]()
groups = CgroupStorage[u64]()
seen = Global[u64]()

@cgroup.skb.egress
def probe(packet):
    sockets[packet.socket] += 1
    groups[current_cgroup()] += 1
    seen.value = sockets[packet.socket] + groups.get(current_cgroup(), 50)
    del groups[current_cgroup()]
    return 1 if packet.socket in sockets and current_cgroup() not in groups else 0
""")
    assert simulate(probes.probe, packet=bytes([0x45]) + bytes(39)).result == 1 and probes.seen.value == 2
    if simulate.in_kernel:
        return
    for number, cgroup, expected in ((7, 1, 2), (7, 2, 3), (8, 2, 2)):
        assert simulate(probes.probe, packet=PACKET, socket=number, cgroup_id=cgroup).result == 1
        assert probes.seen.value == expected
    assert dict(probes.sockets) == {1: 1, 7: 2, 8: 1} and dict(probes.groups) == {}
    probes.groups[9] = 4
    assert simulate(probes.probe, packet=PACKET, socket=8, cgroup_id=9).result == 1 and probes.seen.value == 7
    assert simulate(probes.probe, packet=PACKET, socket=0).fault.kind == "NullPointerError"
