"""Spin locks: entries change as a whole, on every way out of the block the lock is given back, Python waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import XDP, Array, Global, Hash, RingBuf, SpinLock, function, ktime_ns, struct, u32, u64, xdp

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
ROUNDS = 20_000


@struct
class Account:
    debit: u64
    lock: SpinLock
    owner: u32
    credit: u64
    numbers: u32[4]


@struct
class Note:
    number: u64


accounts = Hash[u32, Account](max_entries=8)
cells = Array[Account](max_entries=2)
notes = RingBuf[Note](size=4096)
given = Global[u64]()
seen = Global[u64]()


@xdp
def transfer(packet):
    account = accounts[1]
    with account.lock:
        credit = account.credit
        account.debit = account.debit + 1
        account.credit = credit + 1
        for i in range(4):
            account.numbers[i] += i
    return XDP.DROP


@xdp
def ways_out(packet):
    cell = cells[1]
    with notes.reserve() as note:
        note.number = given.value
        with cell.lock:
            if given.value == 1:
                return XDP.TX
            if given.value == 2:
                assert cell.owner == 7
            cell.credit = cell.credit + 10
            cell.owner = cell.numbers[given.value]
        note.number = 100
    for n in range(5):
        with cell.lock:
            if n == 3:
                break
            if n == 1:
                continue
            cell.debit = cell.debit + 1
    try:
        with cells[0].lock:
            cell.owner = cell.numbers[given.value]
    except IndexError:
        seen.value = 5
    finally:
        seen.value += 1
    return XDP.DROP


@xdp
def caught(packet):
    cell = cells[1]
    try:
        with cell.lock:
            cell.credit = cell.credit + 1
            cell.owner = cell.numbers[given.value]
    except IndexError:
        seen.value = ktime_ns() & 0 | 5
    try:
        with cell.lock:
            assert given.value < 4
            cell.debit = 3
    finally:
        seen.value += 1
    return XDP.DROP


@xdp
def long_loops(packet):
    cell = cells[0]
    with cell.lock:
        for _ in range(5000):
            cell.credit += 1
    for i in range(50_000):
        with cell.lock:
            cell.debit = cell.debit + 1
            if i == 30_000:
                break
            if cell.numbers[i & 3] == 77:
                return XDP.TX
    return XDP.DROP


@function
def oldest(account, now):
    with account.lock:
        if account.credit == 0:
            return 0
        age = u32(now) - account.owner
        account.credit = 0
        return age


@xdp
def helper(packet):
    now = ktime_ns()
    seen.value = u64(oldest(cells[0], now))
    return XDP.DROP


@xdp
def written(packet):
    accounts[2] = Account(credit=5, owner=3)
    cells[0] = Account(credit=6)
    with accounts[2].lock:
        seen.value = accounts_credit.value
    return XDP.DROP


accounts_credit = Global[u64](77)


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((transfer, ways_out, caught, helper), attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, name: str) -> int:
    return session.programs[name].test_run(data=bytes(64)).result


def test_nobody_sees_half_a_transfer(session: pyebpf.Session) -> None:
    accounts[1] = Account(owner=4)
    torn: list[tuple[int, int]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            account = accounts[1]
            if account.debit != account.credit:
                torn.append((account.debit, account.credit))

    watcher = threading.Thread(target=watch)
    watcher.start()
    program = session.programs["transfer"]
    runners = [threading.Thread(target=lambda: program.test_run(data=bytes(64), repeat=ROUNDS)) for _ in range(2)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    done.set()
    watcher.join()
    account = accounts[1]
    assert (account.debit, account.credit, account.owner) == (2 * ROUNDS, 2 * ROUNDS, 4)
    assert account.numbers == (0, 2 * ROUNDS, 4 * ROUNDS, 6 * ROUNDS)
    assert not torn
    assert accounts.to_dict()[1].credit == 2 * ROUNDS and not session.faults


@pytest.mark.parametrize(
    ("number", "result", "faults", "credit", "debit", "events", "after"),
    [
        (0, XDP.DROP, [], 10, 2, [100], 1),
        (1, XDP.TX, [], 0, 0, [1], 0),
        (2, XDP.PASS, ["AssertionError"], 0, 0, [], 0),
        (9, XDP.PASS, ["IndexError"], 10, 0, [], 0),
    ],
)
def test_every_way_out_gives_the_lock_back(
    session: pyebpf.Session,
    number: int,
    result: int,
    faults: list[str],
    credit: int,
    debit: int,
    events: list[int],
    after: int,
) -> None:
    given.value = number
    assert run(session, "ways_out") == result
    assert [fault.kind for fault in session.faults] == faults
    assert (cells[1].credit, cells[1].debit) == (credit, debit)
    assert [event.number for event in notes.poll(0)] == events
    assert seen.value == after


def test_a_fault_is_caught_outside(session: pyebpf.Session) -> None:
    """The lock is given back before the handler runs, which may call the kernel."""
    given.value = 3
    assert run(session, "caught") == XDP.DROP and (seen.value, cells[1].debit) == (1, 3)
    given.value = 4
    assert run(session, "caught") == XDP.PASS and (seen.value, cells[1].credit) == (6, 2)
    assert [fault.kind for fault in session.faults] == ["AssertionError"]
    cells[0] = Account(credit=1)
    assert run(session, "helper") == XDP.DROP and seen.value >= 0 and cells[0].credit == 0
    assert run(session, "helper") == XDP.DROP and seen.value == 0


def test_loops_that_the_kernel_runs() -> None:
    """Inside a lock a loop stays what it is; around one it may become a function of its own."""
    with pyebpf.load(long_loops, attach=False) as session:
        assert run(session, "long_loops") == XDP.DROP and not session.faults
        assert (cells[0].credit, cells[0].debit) == (5000, 30_001)
        cells[0] = Account(numbers=(0, 0, 0, 77))
        assert run(session, "long_loops") == XDP.TX and cells[0].debit == 4


def test_whole_entries() -> None:
    with pyebpf.load(written, attach=False) as session:
        assert run(session, "written") == XDP.DROP and not session.faults
        assert (accounts[2].credit, accounts[2].owner, cells[0].credit, seen.value) == (5, 3, 6, 77)
        accounts.update({3: Account(credit=9), 4: {"credit": 8}})
        assert {key: value.credit for key, value in accounts.items()} == {2: 5, 3: 9, 4: 8}
