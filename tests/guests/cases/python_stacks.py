"""The Python functions that a thread is in, as the interpreter itself tells them, too."""

import os
import sys
import threading

from pyebpf import Config, Stacks, kernel_stack, pid, python_stack, raw_tracepoint, u32, u64

SINCE = (5, 12)  # of memory beyond the stack in programs that may interrupt themselves; profiles are older
MACHINES = ("x86_64", "aarch64")
NUMBERS = {"x86_64": 110, "aarch64": 173}

only = Config[u32](0)
number = Config[u64](0)
calls = Stacks(max_entries=1024)


@raw_tracepoint("sys_enter")
def enter(ctx):
    if pid() == only.value and ctx.args[1] == number.value:
        calls[kernel_stack(), python_stack()] += 1


def config():
    return {"only": os.getpid(), "number": NUMBERS[os.uname().machine]}


def bottom(said):
    os.getppid()
    frame = sys._getframe(0)
    while frame is not None:
        code = frame.f_code
        said.append((code.co_qualname, code.co_filename, code.co_firstlineno))
        frame = frame.f_back


def sort(then):
    sorted([1], key=lambda _: then())


def check(session):
    for depth in (0, 1, 30):
        said = []
        then = lambda: bottom(said)  # noqa: E731
        for _ in range(depth):
            then = lambda after=then: sort(after)  # noqa: E731
        thread = threading.Thread(target=then)
        thread.start()
        thread.join()
        [counted] = session.maps["calls"].counts()
        found = [(frame.name, frame.file, frame.line) for frame in counted.frames if frame.kind == "python"]
        assert found == said[: len(found)] and len(found) >= min(len(said), 36), (depth, found, said)
        assert any(frame.kind == "kernel" for frame in counted.frames), counted
        session.maps["calls"].clear()
    assert session.maps["calls"].dropped == 0
