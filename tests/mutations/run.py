"""Spoilt sources through the front end, as many as you like: nothing but diagnostics may come out.

    python tests/mutations/run.py --sources 100000 --seed 7 --jobs 2

Source number n of a seed is always the same one, for the same corpus: `--from N` goes on where a run stopped, `--only
N` shows one and what comes of it. An exception that isn't a CompileError, a source that takes more than a second of
processor time for each kilobyte, more than a gigabyte of memory, or the end of the process: each is printed once, with
the smallest source that shows it. Exit code 1 if there is any. Needs no root.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from attempt import attempt, guard, signature, tidy, timed
from corpus import sources
from mutators import mutate

MEMORY: Final = 1 << 30
"""Bytes of address space for one process."""
BATCH: Final = 250
"""Sources that one process takes; the next ones get a new one."""
STUCK: Final = 300.0
"""Seconds without a sign after which a process is ended."""
REPORT_EVERY: Final = 30.0
SHORTENING: Final = 40.0
"""Seconds."""
FINE: Final = ("ok", "diagnostics", "python")


def make(seed: str, number: int, corpus: list[str]) -> tuple[str, str]:
    return mutate(Random(f"{seed}:{number}"), corpus)


# In a process of its own


def confine(folder: Path) -> None:
    """What is run from here on can use little memory, and touch nothing."""
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    guard()


def batch(say: Callable[[Any], None], folder: Path, seed: str, numbers: range, corpus: list[str]) -> None:
    """Try each, and say so before and after."""
    path = folder / "mutated.py"
    for number in numbers:
        text, how = make(seed, number, corpus)
        say(["start", number, how])
        (kind, detail), seconds = timed(text, path)
        say(["end", number, kind, detail, len(text), seconds])
        if number % 50 == 0:
            tidy()


def shorten(say: Callable[[Any], None], folder: Path, text: str, wanted: str) -> None:
    """Say ever smaller sources that show the same."""
    path, end = folder / "mutated.py", time.monotonic() + SHORTENING
    rows, size = text.split("\n"), 0
    limit = max(len(text) / 1024, 1.0)
    size = len(rows) // 2
    while size and time.monotonic() < end:
        at, before = 0, len(rows)
        while at < len(rows) and time.monotonic() < end:
            fewer = rows[:at] + rows[at + size :]
            if signature(*attempt("\n".join(fewer), path, limit)) == wanted:
                rows = fewer
                say(["smaller", "\n".join(rows)])
            else:
                at += size
        if len(rows) == before or size > 1:
            size //= 2


# Around it


class Process:
    """A fork that does `work` and says what it does."""

    def __init__(self, work: Callable[[Callable[[Any], None], Path], None]) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="pyebpf-mutated-")
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            self._inside(work, writing)
        os.close(writing)
        self.pipe = reading
        self.rest = b""
        self.heard = time.monotonic()

    def _inside(self, work: Callable[[Callable[[Any], None], Path], None], pipe: int) -> None:
        def say(message: Any) -> None:
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[os.write(pipe, data) :]

        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            confine(Path(self.folder.name))
            work(say, Path(self.folder.name))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def read(self) -> list[Any] | None:
        """What was said meanwhile; None when nothing more will come."""
        data = os.read(self.pipe, 1 << 16)
        self.heard = time.monotonic()
        *whole, self.rest = (self.rest + data).split(b"\n")
        return [json.loads(line) for line in whole] if data else None

    def close(self) -> str:
        """How it ended, if not well."""
        os.close(self.pipe)
        status = os.waitpid(self.pid, 0)[1]
        self.folder.cleanup()
        code = os.waitstatus_to_exitcode(status)
        return f"signal {-code}" if code < 0 else f"exit code {code}" if code else ""

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


class Run:
    """All of it: processes side by side, figures, findings."""

    def __init__(self, seed: str, corpus: list[str]) -> None:
        self.seed, self.corpus = seed, corpus
        self.kinds: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.ways: Counter[str] = Counter()
        self.findings: Counter[str] = Counter()
        self.bytes = 0
        self.slowest = (0.0, 0)
        """Seconds, and the source's number."""
        self.start = time.monotonic()

    def all(self, first: int, count: int, jobs: int) -> None:
        waiting: Iterator[range] = (
            range(number, min(number + BATCH, first + count)) for number in range(first, first + count, BATCH)
        )
        again: list[range] = []
        running: dict[int, tuple[Process, range, int]] = {}
        told = time.monotonic()
        while True:
            while len(running) < jobs and (todo := again.pop() if again else next(waiting, None)) is not None:
                process = self.process(todo)
                running[process.pipe] = (process, todo, -1)
            if not running:
                return
            for pipe in select.select(list(running), [], [], 5.0)[0]:
                process, todo, last = running[pipe]
                messages = process.read()
                for message in messages or []:
                    last = self.hear(message, last)
                running[pipe] = (process, todo, last)
                if messages is None:
                    del running[pipe]
                    if (ended := process.close()) and last < 0:
                        raise RuntimeError("a source can't be made, see above")
                    if ended:
                        self.finding(last, "died", ended)
                        again.append(range(last + 1, todo.stop))
            for process, _, _ in running.values():
                if time.monotonic() - process.heard > STUCK:
                    process.kill()
            if time.monotonic() - told > REPORT_EVERY:
                told = time.monotonic()
                print(self.summary(), flush=True)

    def process(self, todo: range) -> Process:
        return Process(lambda say, folder: batch(say, folder, self.seed, todo, self.corpus))

    def hear(self, message: Any, last: int) -> int:
        """Count what a process says; the number that it is busy with, -1 for none."""
        if message[0] == "start":
            self.ways[message[2]] += 1
            return int(message[1])
        _, number, kind, detail, size, seconds = message
        self.kinds[kind] += 1
        self.bytes += size
        self.slowest = max(self.slowest, (seconds, number))
        if kind == "diagnostics":
            self.codes.update(detail.split())
        if kind not in FINE:
            self.finding(number, kind, detail)
        return -1

    def finding(self, number: int, kind: str, detail: str) -> None:
        what = signature(kind, detail)
        self.findings[what] += 1
        if self.findings[what] > 1:
            return
        text, how = make(self.seed, number, self.corpus)
        for message in self.ask(lambda say, folder: shorten(say, folder, text, what)) if kind != "died" else []:
            text = message[1]
        shown = text if len(text) < 3000 else f"{text[:1500]}\n… {len(text) - 3000} characters …\n{text[-1500:]}"
        print(f"## --seed {self.seed} --only {number} ({how}): {kind}: {detail}\n\n{shown}\n", flush=True)

    def ask(self, work: Callable[[Callable[[Any], None], Path], None]) -> list[Any]:
        process, messages = Process(work), []
        while (said := process.read()) is not None:
            messages += said
        process.close()
        return messages

    def summary(self) -> str:
        seconds, total = time.monotonic() - self.start, sum(self.kinds.values())
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        codes = ", ".join(f"{code} {count}" for code, count in self.codes.most_common(6))
        return (
            f"{total} sources, {self.bytes >> 10} KiB: {kinds}; {len(self.codes)} different codes, {codes}; "
            f"{sum(self.findings.values())} findings of {len(self.findings)} kinds; slowest {self.slowest[0]:.2f} s "
            f"(--only {self.slowest[1]}); {seconds:.0f} s, {total / max(seconds, 1e-9):.0f} sources a second"
        )


def show(seed: str, number: int, corpus: list[str]) -> int:
    text, how = make(seed, number, corpus)
    print(text, f"# {how}", sep="\n")
    run = Run(seed, corpus)
    run.all(number, 1, 1)
    print(run.summary(), *run.codes)
    return len(run.findings)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sources", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", default="1", help="any text; other sources for each")
    parser.add_argument("--from", type=int, default=0, metavar="N", dest="first", help="the first source's number")
    parser.add_argument("--only", type=int, metavar="N", help="show and try this source alone")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes side by side")
    given = parser.parse_args()
    corpus = sources()
    warnings.simplefilter("ignore")
    warm_up()
    gc.collect()
    gc.freeze()  # the forks share what is there so far, and needn't look through it again and again
    if given.only is not None:
        return 1 if show(given.seed, given.only, corpus) else 0
    run = Run(given.seed, corpus)
    run.all(given.first, given.sources, given.jobs)
    print(run.summary())
    return 1 if run.findings else 0


def warm_up() -> None:
    """Import and read, before forking, what every source needs: grammar, kernel's types, messages."""
    from pyebpf import CompileError
    from pyebpf.compiler import check_target

    with tempfile.TemporaryDirectory(prefix="pyebpf-mutated-") as folder:
        for number, text in enumerate(sources()[::9]):
            path = Path(folder, f"warm{number}.py")
            path.write_text(text)
            try:
                check_target(path)
            except CompileError as error:
                str(error)


if __name__ == "__main__":
    sys.exit(main())
