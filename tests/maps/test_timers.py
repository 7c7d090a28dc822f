"""Timers in the kernel: what they call and when, what ends them, what a callback may do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path

import pytest

import pyebpf
from pyebpf import (
    XDP,
    Array,
    Config,
    Global,
    Hash,
    LruHash,
    RingBuf,
    SpinLock,
    Timer,
    cgroup,
    char,
    function,
    ktime_ns,
    raw_tracepoint,
    socket_filter,
    struct,
    u8,
    u32,
    u64,
    xdp,
)
from pyebpf.compiler import compile_target

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
MS = 1_000_000
STEP = 5
LONG = 3_600_000_000_000


class State(IntEnum):
    NEW = 1
    OLD = 2


@struct
class Flow:
    packets: u64
    timer: Timer
    state: u32
    rounds: u32


@struct
class Host:
    lock: SpinLock
    timer: Timer
    seen: u64
    first: char[4]


@struct
class Note:
    key: u32
    time: u64


flows = Hash[u32, Flow](max_entries=8)
slots = Array[Flow](max_entries=4)
hosts = LruHash[char[12], Flow](max_entries=8)
locked = Hash[u32, Host](max_entries=4)
notes = RingBuf[Note](size=4096)
total = Global[u64]()
name = Global[char[12]]()
ended = Global[u64]()
rounds = Config[u32](3)


@function
def expire(key, flow):
    total.value += flow.packets + STEP
    flow.state = State.OLD
    flow.rounds += 1
    if flow.rounds < rounds.value:
        flow.timer.start(MS, expire)
        return
    with notes.reserve() as note:
        note.key, note.time = key, ktime_ns()
    print(f"{key} is gone after {flow.rounds} rounds")
    del flows[key]


@xdp
def remember(packet):
    key = packet.load(0, u8)
    flows[key] = Flow(packets=7, state=State.NEW)
    flows[key].timer.start(20 * MS, expire)
    return XDP.DROP


@xdp
def every_slot(packet):
    def tick(slot):
        slot.packets += STEP
        if slot.packets < 4 * STEP:
            slot.timer.start(MS, tick)

    for slot in slots:
        slot.timer.start(MS, tick)
    return XDP.DROP


@xdp
def long_ones(packet):
    flows[packet.load(0, u8)].timer.start(LONG, expire)
    return XDP.DROP


@xdp
def cancel(packet):
    return XDP.DROP if flows[packet.load(0, u8)].timer.cancel() else XDP.TX


@xdp
def replaced(packet):
    flows[1] = Flow(packets=9)
    slots[1] = Flow(packets=9)
    return XDP.DROP


@function
def named(key, host):
    name.value = key
    for i in range(100_000):
        if i == host.packets:
            break
        total.value += 1
    total.value += 100 // host.state


@cgroup.skb.ingress
def in_cgroup(packet):
    hosts["example"] = Flow(packets=50_000)
    host = hosts["example"]
    host.timer.start(MS, named)
    return 1


@function
def under_lock(host):
    with host.lock:
        host.seen += 1
        host.first = "abc"
    ended.value = ktime_ns()


@xdp
def locks(packet):
    if 1 not in locked:
        locked[1] = Host(seen=10)
    host = locked[1]
    with host.lock:
        host.seen += 1
    host.timer.start(MS, under_lock)
    return XDP.DROP


@xdp
def locks_replaced(packet):
    locked[1] = Host(seen=20)
    return XDP.DROP


@xdp
def locks_late(packet):
    locked[1].timer.start(20 * MS, under_lock)
    return XDP.DROP


@function
def second(flow):
    total.value += 1000
    flow.timer.start(MS, second)


@function
def first(flow):
    total.value += 1
    if flow.packets > 3:
        flow.timer.start(MS, second)
    else:
        flow.timer.start(MS, first)
    flow.packets += 1


@xdp
def hand_over(packet):
    slots[2].timer.start(MS, first)
    return XDP.DROP


@xdp
def many(packet):
    for key, flow in flows.items():
        flow.packets = key
        flow.timer.start(MS, expire)
    for i in range(100_000):
        if i in flows:
            flows[i].timer.start(2 * MS, expire)
    return XDP.DROP


@function
def add_later(slot, step):
    def add(entry):
        def more(by):
            return by * STEP + rounds.value + State.OLD

        entry.packets += more(step)
        total.value += step

    slot.timer.start(MS, add)


@xdp
def by_steps(packet):
    add_later(slots[0], 3)
    add_later(slots[1], 4)
    return XDP.DROP


@function
def sized(flow):
    table = u64[100]()
    for i in range(100):
        table[i] = i * flow.packets
    total.value += sum(table)


@xdp
def large(packet):
    slots[3].timer.start(MS, sized)
    return XDP.DROP


@raw_tracepoint("sys_enter")
def tracing(ctx):
    slots[0].packets += 1


@socket_filter
def filtering(packet):
    slots[0].packets += 1
    return 0


Load = Callable[..., pyebpf.Session]


@pytest.fixture
def load() -> Iterator[Load]:
    sessions: list[pyebpf.Session] = []

    def loaded(*programs: object, **options: object) -> pyebpf.Session:
        sessions.append(pyebpf.load(programs, attach=False, **options))  # type: ignore[arg-type]
        return sessions[-1]

    yield loaded
    for session in sessions:
        session.close()


def run(session: pyebpf.Session, name: str, first: int = 0) -> int:
    return session.programs[name].test_run(data=bytes([first]) + bytes(63)).result


def until(condition: Callable[[], bool]) -> None:
    """Wait for what timers do; a machine that is busy may take its time."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_an_entry_expires(load: Load) -> None:
    session = load(remember, config={"rounds": 2})
    begun = time.monotonic_ns()
    assert run(session, "remember", 3) == XDP.DROP
    assert (flows[3].packets, flows[3].state) == (7, State.NEW)
    until(lambda: 3 not in flows)
    (note,) = notes.poll(0)
    assert note.key == 3 and note.time - begun >= 20 * MS + MS
    assert session.prints.poll(0) == ["3 is gone after 2 rounds"]
    assert total.value == 2 * (7 + STEP) and not session.faults


def test_nested_functions_and_constants(load: Load) -> None:
    session = load(every_slot)
    run(session, "every_slot")
    until(lambda: all(slot.packets == 4 * STEP for slot in slots))
    time.sleep(0.01)
    assert [slot.packets for slot in slots] == [4 * STEP] * 4 and not session.faults


def test_cancel_tells_whether_it_ran(load: Load) -> None:
    session = load(long_ones, cancel)
    flows[5] = Flow(packets=1)
    assert run(session, "cancel", 5) == XDP.TX
    assert run(session, "long_ones", 5) == XDP.DROP
    assert run(session, "cancel", 5) == XDP.DROP
    assert run(session, "cancel", 5) == XDP.TX
    assert run(session, "cancel", 6) == XDP.PASS
    assert [fault.kind for fault in session.faults] == ["KeyError"]


def test_a_new_entry_has_a_new_timer(load: Load) -> None:
    """From a program and from Python, in a hash map and in an array."""
    session = load(remember, every_slot, replaced)
    run(session, "remember", 1)
    run(session, "every_slot")
    run(session, "replaced")
    time.sleep(0.05)
    assert flows[1].packets == 9 and total.value == 0
    run(session, "remember", 2)
    flows[2] = Flow(packets=8)
    time.sleep(0.05)
    assert flows[2].packets == 8 and total.value == 0
    run(session, "remember", 2)
    del flows[2]
    time.sleep(0.05)
    assert total.value == 0 and not session.faults


def test_keys_loops_and_faults_in_a_callback(load: Load) -> None:
    """In a program whose own result after a fault is 1."""
    session = load(in_cgroup)
    packet = bytes(12) + b"\x08\x00" + bytes([0x45]) + bytes(39)
    assert session.programs["in_cgroup"].test_run(data=packet).result == 1
    until(lambda: bool(session.faults))
    assert (name.value, total.value) == ("example", 50_000)
    (fault,) = session.faults
    assert (fault.kind, fault.program, fault.count) == ("ZeroDivisionError", "in_cgroup", 1)
    assert "host.state" in Path(__file__).read_text().splitlines()[fault.line - 1]


def test_beside_a_lock(load: Load) -> None:
    session = load(locks)
    run(session, "locks")
    until(lambda: bool(ended.value))
    assert (locked[1].seen, locked[1].first) == (12, "abc")
    locked[1] = Host(seen=3)
    run(session, "locks")
    until(lambda: locked[1].seen == 5)


def test_a_new_entry_with_a_lock_has_a_new_timer(load: Load) -> None:
    session = load(locks_late, locks_replaced)
    locked[1] = Host(seen=1)
    run(session, "locks_late")
    run(session, "locks_replaced")
    time.sleep(0.05)
    assert locked[1].seen == 20 and not ended.value
    run(session, "locks_late")
    locked[1] = Host(seen=30)
    time.sleep(0.05)
    assert locked[1].seen == 30 and not ended.value
    run(session, "locks_late")
    until(lambda: locked[1].seen == 31)


def test_one_callback_hands_over_to_another(load: Load) -> None:
    session = load(hand_over)
    run(session, "hand_over")
    until(lambda: total.value >= 3000)
    assert total.value % 1000 == 5 and slots[2].packets == 5


def test_timers_of_all_entries(load: Load) -> None:
    session = load(many, config={"rounds": 1})
    flows.update({key: Flow(packets=1) for key in range(8)})
    run(session, "many")
    until(lambda: len(flows) == 0)
    assert total.value == sum(key + STEP for key in range(8))


def test_constants_of_the_function_around(load: Load) -> None:
    """Which differ from call to call."""
    session = load(by_steps)
    run(session, "by_steps")
    until(lambda: total.value == 7)
    assert [slot.packets for slot in slots] == [15 + 3 + 2, 20 + 3 + 2, 0, 0]


def test_local_memory_beyond_the_stack(load: Load) -> None:
    session = load(large)
    slots[3] = Flow(packets=2)
    run(session, "large")
    until(lambda: total.value == 9900)


def test_which_programs_may_use_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses what the table says, and nothing else."""
    with pytest.raises(pyebpf.CompileError, match="E0530"):
        compile_target(tracing)
    monkeypatch.setattr("pyebpf.checks.timers.WITHOUT_TIMERS", ())
    with pytest.raises(pyebpf.VerifierError, match="bpf_timer"):
        pyebpf.load(compile_target(tracing), attach=False)
    with pyebpf.load(compile_target(filtering), attach=False) as session:
        assert run(session, "filtering") == 0


def test_timers_end_with_the_session() -> None:
    with pyebpf.load([every_slot], attach=False) as session:
        run(session, "every_slot")
    with pyebpf.load([every_slot], attach=False) as session:
        time.sleep(0.02)
        assert all(slot.packets == 0 for slot in slots)


def test_the_object_names_what_the_kernel_knows() -> None:
    compiled = pyebpf.compile([remember, cancel])
    assert [program.name for program in compiled.programs] == ["remember", "cancel"]
    assert "remember__timer_expire" in [each.name for each in compiled.functions]
    assert compiled.elf == pyebpf.compile([remember, cancel]).elf
