"""Samples by the Python functions that a thread was in: the busy ones are found, under those that called them."""

import os
import time

from pyebpf import Config, Stacks, pid, profile, python_stack, u32

SINCE = (5, 7)
MACHINES = ("x86_64", "aarch64")
SECONDS = 1.5

only = Config[u32](0)
samples = Stacks(max_entries=1024)


@profile(hz=199)
def sample(ctx):
    if pid() == only.value:
        samples[python_stack()] += 1


def config():
    return {"only": os.getpid()}


def busy(until):
    total = 0
    while time.monotonic() < until:
        for number in range(1000):
            total += number * number
    return total


def outer():
    return [busy(time.monotonic() + SECONDS) for _ in range(1)]


def check(session):
    samples = session.maps["samples"]
    outer()
    total = samples.total
    assert samples.dropped == 0
    best = samples.most_common(1)[0]
    names = [frame.name for frame in best.frames]
    assert names[0] == "busy" and "outer" in names[1:3] and "check" in names, names
    assert best.frames[0].file == __file__ and best.frames[0].line == busy.__code__.co_firstlineno, best.frames
    assert total >= 20 and best.count > total * 0.8, (total, best)
