"""syslat puts sleeps of known length and quick calls into the right slots."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from types import ModuleType

import pytest

import pyebpf

pytestmark = pytest.mark.usefixtures("nothing_left")
SLEEPS = 20
SLEEP_NS = 20_000_000
QUICK = 5000


def test_latency_by_powers_of_two(sample: Callable[[str], ModuleType]) -> None:
    module = sample("syslat")
    with pyebpf.load(module) as session:
        for _ in range(QUICK):
            os.getppid()
        for _ in range(SLEEPS):
            time.sleep(SLEEP_NS / 1e9)
        buckets = module.latency.buckets()
        assert not session.faults
    slots = {low: count for low, _, count in buckets}
    assert all(high == 2 * low - 1 and low & (low - 1) == 0 for low, high, _ in buckets)
    # A sleep of 20 ms ends in the slot of 16.8 to 33.6 ms, or in one above it on a busy machine; never below.
    assert sum(count for low, count in slots.items() if low >= 1 << 24) >= SLEEPS
    assert sum(count for low, count in slots.items() if low < 1 << 20) >= QUICK
    assert sum(slots.values()) >= QUICK + SLEEPS
    # Nothing takes less than 16 ns, and nothing that ended in these seconds took more than 18 minutes.
    assert not any(count for low, count in slots.items() if low < 16 or low >= 1 << 40)
