"""CPythons of this machine whose frames pyebpf knows, and programs for them that say themselves which functions they
are in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pyebpf.cpython import LAYOUTS

CALLS = """
import json, os, sys

def here():
    frame, found = sys._getframe(1), []
    while frame is not None:
        code = frame.f_code
        found.append([code.co_qualname, code.co_filename, code.co_firstlineno])
        frame = frame.f_back
    return found

said = []

def bottom():
    os.getppid()
    said.append(here())

class Way:
    def plain(self, then):
        then()

    def from_c(self, then):
        sorted([1], key=lambda _: then())

    def generator(self, then):
        def each():
            yield then()
        for _ in each():
            pass

    def generators(self, then):
        def inner():
            yield then()
        def outer():
            yield from inner()
        list(outer())

    def comprehension(self, then):
        {n: [then() for _ in "1"] for n in [1]}

    def class_body(self, then):
        class Inner:
            then()

    def executed(self, then):
        exec("(lambda: then())()", {"then": then})

    def partial(self, then):
        from functools import partial
        partial(self.plain, then)()

    def attribute(self, then):
        class Lazy:
            def __getattr__(self, name):
                then()
        Lazy().something

    def coroutine(self, then):
        async def awaited():
            then()
        async def main():
            await awaited()
        try:
            main().send(None)
        except StopIteration:
            pass

    def iterated(self, then):
        list(map(lambda _: then(), "1"))

    def collected(self, then):
        class Kept:
            def __del__(self):
                then()
        Kept()

    def raised(self, then):
        try:
            raise ValueError
        except ValueError:
            then()

    def größe(self, then):
        then()

    def 深さ(self, then):
        then()

    def thread(self, then):
        from threading import Thread
        thread = Thread(target=then)
        thread.start()
        thread.join()

def go(ways):
    if ways:
        getattr(Way(), ways[0])(lambda: go(ways[1:]))
    else:
        bottom()

print(os.getpid(), flush=True)
for line in sys.stdin:
    said.clear()
    go(json.loads(line))
    print(json.dumps(said), flush=True)
"""
WAYS = (
    *("plain", "from_c", "generator", "generators", "comprehension", "class_body", "executed", "partial", "attribute"),
    *("coroutine", "iterated", "collected", "raised", "größe", "深さ", "thread"),
)


@cache
def pythons() -> dict[tuple[int, int], str]:
    """An interpreter for each version that is here, and has a layout; this one among them, should it have one."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [shutil.which(f"python{major}.{minor}") for major, minor in LAYOUTS]
    candidates = [sys.executable, *sorted(map(str, root.glob("3.*/bin/python3"))), *filter(None, named)]
    found: dict[tuple[int, int], str] = {}
    for path in candidates:
        text = "import sys; print(*sys.version_info[:2])"
        told = subprocess.run([path, "-S", "-c", text], capture_output=True, text=True, check=False)
        numbers = told.stdout.split()
        version = (int(numbers[0]), int(numbers[1])) if told.returncode == 0 and len(numbers) == 2 else None
        if version in LAYOUTS:
            found.setdefault(version, path)
    return found


class Told:
    """A process that runs `CALLS`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.started = process.pid
        """What was started, which may have started the process itself."""
        self.pid = int(self.line())
        """For itself."""

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def go(self, ways: list[str]) -> list[tuple[str, str, int]]:
        """Its functions at a call of getppid(2), the innermost first: names, files, lines."""
        self.say(json.dumps(ways))
        [stack] = json.loads(self.line())
        return [(str(name), str(file), int(line)) for name, file, line in stack]


@contextmanager
def told(python: str, *before: str, text: str = CALLS, **options: Any) -> Iterator[Told]:
    """A process of that interpreter, behind a command that starts it."""
    with subprocess.Popen(
        [*before, python, "-S", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as process:
        try:
            yield Told(process)
            assert process.stdin is not None
            process.stdin.close()
            process.wait(20)
        except BaseException:
            process.kill()
            raise
