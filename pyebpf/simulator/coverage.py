"""Which lines of the probes ran: collected while they are simulated, shown at the end as coverage tools do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import final

from pyebpf.ir import ops
from pyebpf.ir.module import Module, Program
from pyebpf.simulator.memory import Word
from pyebpf.simulator.run import Observer


@final
class Coverage:
    """Lines by file. Lines that the compiler leaves out, because nothing can ever come there, don't count."""

    def __init__(self) -> None:
        self.executable: dict[str, set[int]] = {}
        self.ran: dict[str, set[int]] = {}

    def add(self, module: Module) -> None:
        """What there is to run in `module`."""
        for program in module.programs:
            for op in ops.walk(program.body):
                if not _is_def(op, program):
                    self.executable.setdefault(op.span.source.path, set()).add(op.span.line)

    def observer(self) -> Observer:
        """What notes each op that is run."""
        ran, seen = self.ran, set[ops.Op]()

        def observe(op: ops.Op, _: Word) -> None:
            if op not in seen:
                seen.add(op)
                ran.setdefault(op.span.source.path, set()).add(op.span.line)

        return observe

    def merge(self, other: Coverage) -> None:
        for mine, theirs in ((self.executable, other.executable), (self.ran, other.ran)):
            for path, lines in theirs.items():
                mine.setdefault(path, set()).update(lines)

    def missing(self, path: str) -> list[int]:
        """Lines of a file that could have run and didn't."""
        return sorted(self.executable[path] - self.ran.get(path, set()))

    def report(self) -> list[str]:
        """A table: a row for each file, and their sum."""
        rows = [("Name", "Lines", "Miss", "Cover", "Missing")]
        total = missed = 0
        for path in sorted(self.executable):
            lines, missing = self.executable[path], self.missing(path)
            total, missed = total + len(lines), missed + len(missing)
            rows.append((_shown(path), str(len(lines)), str(len(missing)), _percent(lines, missing), ranges(missing)))
        rows.append(("TOTAL", str(total), str(missed), _percent(range(total), range(missed)), ""))
        width = max(len(row[0]) for row in rows)
        return [f"{name:{width}}  {a:>5}  {b:>5}  {c:>5}   {rest}".rstrip() for name, a, b, c, rest in rows]


def _is_def(op: ops.Op, program: Program) -> bool:
    """Whether an op is the return that nobody wrote, which is blamed on the `def` line."""
    return op.span.line == program.span.line and op.span.source.path == program.span.source.path


def _percent(lines: Iterable[int], missing: Iterable[int]) -> str:
    count, missed = len(list(lines)), len(list(missing))
    return f"{100 * (count - missed) // count if count else 100}%"


def _shown(path: str) -> str:
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive, on Windows
        return path
    return path if relative.startswith("..") else relative


def ranges(lines: list[int]) -> str:
    """`3, 7-9`."""
    parts: list[list[int]] = []
    for line in lines:
        if parts and line == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], line]
        else:
            parts.append([line])
    return ", ".join("-".join(map(str, part)) for part in parts)
