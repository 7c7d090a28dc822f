"""Times of events as times of day: what programs in the kernel have recorded, in a time namespace, across suspends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from types import ModuleType

import numpy
import pytest

import pyebpf
from pyebpf.clocks import Clock, Reading

SECOND = 1_000_000_000
PROGRAM = """
@struct
class Moment:
    boot: u64
    awake: u64

moments = RingBuf[Moment](size=4096)
only = Config[u32](0)

@tracepoint("syscalls:sys_enter_getppid")
def probe(ctx):
    if pid() == only.value:
        with moments.reserve() as event:
            event.boot = boot_ns()
            event.awake = ktime_ns()
"""


@pytest.mark.kernel
def test_events_have_the_time_at_which_they_were_recorded(program: Callable[[str], ModuleType]) -> None:
    module = program(PROGRAM)
    with pyebpf.load(module, config={"only": os.getpid()}) as session:
        before = datetime.now(timezone.utc)
        os.getppid()
        after = datetime.now(timezone.utc)
        (event,) = module.moments.poll()
        slack = timedelta(microseconds=100)  # the wall clock is slewed, and readings are of different moments
        for found in (session.clock.from_boot(event.boot), session.clock.from_ktime(event.awake)):
            assert before - slack <= found <= after + slack


@pytest.mark.kernel  # root
def test_a_time_namespace_is_seen_through() -> None:
    text = "import sys; from pyebpf import Clock; c = Clock(); print(*(f(int(sys.argv[1])).timestamp() for f in "
    text += "(c.from_ktime, c.from_boot)))"
    now, wall = time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time()
    slept = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - now
    command = ["unshare", "--time", "--fork", "--monotonic", "500000", "--boottime", "1000000"]
    done = subprocess.run([*command, sys.executable, "-c", text, str(now)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    awake, boot = map(float, done.stdout.split())
    assert awake == pytest.approx(wall, abs=1) and boot == pytest.approx(wall - slept / SECOND, abs=1)


class Machine:
    """A machine that can sleep, by its clocks."""

    def __init__(self) -> None:
        self.now = Reading(100 * SECOND, 100 * SECOND, 1_000_000 * SECOND)

    def read(self) -> Reading:
        return self.now

    def run(self, seconds: int) -> None:
        self._go(seconds * SECOND, seconds * SECOND)

    def sleep(self, seconds: int) -> None:
        self._go(0, seconds * SECOND)

    def _go(self, awake: int, all: int) -> None:
        self.now = Reading(self.now.monotonic + awake, self.now.boot + all, self.now.wall + all)


def seconds_of(moment: datetime) -> float:
    return moment.timestamp() - 1_000_000


def test_a_suspend_is_counted_for_what_came_after_it() -> None:
    machine = Machine()
    clock = Clock(machine.read)
    early = machine.now.monotonic
    machine.run(10)
    assert seconds_of(clock.from_ktime(early)) == 0
    last = machine.now.monotonic
    machine.sleep(3600)
    machine.run(5)
    late = machine.now.monotonic
    assert seconds_of(clock.from_ktime(late)) == 3615
    assert seconds_of(clock.from_ktime(early)) == 0  # as before
    assert seconds_of(clock.from_ktime(last)) == 10
    machine.sleep(60)
    machine.run(1)
    assert seconds_of(clock.from_ktime(machine.now.monotonic)) == 3676
    assert seconds_of(clock.from_ktime(late)) == 3615
    found = clock.from_ktime(numpy.array([early, last, late, machine.now.monotonic], "u8"))
    assert ((found.astype("i8") - 1_000_000 * SECOND) // SECOND).tolist() == [0, 10, 3615, 3676]


def test_the_boot_clock_is_right_across_suspends_that_nobody_saw() -> None:
    machine = Machine()
    clock = Clock(machine.read)
    machine.sleep(100)
    between = machine.now.boot
    machine.run(7)
    machine.sleep(1000)
    assert seconds_of(clock.from_boot(between)) == 100
    found = clock.from_boot(numpy.array([between], "u8"))
    assert found.dtype == "M8[ns]" and found[0] == numpy.datetime64(1_000_100 * SECOND, "ns")


def test_the_wall_clock_is_the_one_that_is_set_now() -> None:
    machine = Machine()
    clock = Clock(machine.read)
    before = machine.now.boot
    machine.now = Reading(machine.now.monotonic, machine.now.boot, machine.now.wall + 30 * SECOND)
    assert seconds_of(clock.from_boot(before)) == 30


@pytest.mark.parametrize("wrong", [1.5, "1", True, None])
def test_times_are_integers(wrong: object) -> None:
    with pytest.raises(TypeError, match="integer of nanoseconds"):
        Clock().from_boot(wrong)


def test_what_is_no_time_is_an_error() -> None:
    with pytest.raises(OverflowError):
        Clock().from_ktime(2**80)
