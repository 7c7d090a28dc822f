"""The verifier's log: kept whole, and its last complaint shown under the line that it is about."""

from __future__ import annotations

import re
from typing import Final

from pyebpf.loader.errors import LoadError
from pyebpf.object.specs import LineRecord

_SOURCE: Final = re.compile(r"^; (?P<text>.*?)(?: @ (?P<file>[^@]*):(?P<line>\d+))?$")
_INSTRUCTION: Final = re.compile(r"^(\d+): \([0-9a-f]{2}\)")
_STATISTICS: Final = (
    "processed ",
    "verification time ",
    "stack depth ",
    "insns processed",
    "max_states",
    "mark_precise",
)


class VerifierError(LoadError):
    """The kernel's verifier refused a program. `log` has all that it said."""

    def __init__(
        self, program: str, log: str, lines: tuple[tuple[int, LineRecord], ...] = (), missing: str = ""
    ) -> None:
        self.program = program
        self.missing = missing
        """What the program needs and this kernel doesn't have, if that is why."""
        self.log = log
        self.file = ""
        self.line = 0
        self.column = 0
        self.source_line = ""
        found = _last_line(log, lines)
        if found is not None:
            self.file, self.line, self.column, self.source_line = found.file, found.line, found.column, found.text
        self.complaint, self.instruction = _complaint(log)
        super().__init__(self.complaint, "object")

    @property
    def span_text(self) -> str:
        """`file:line:column` of the line responsible, or ""."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else ""

    def __str__(self) -> str:
        title = f"error: the kernel's verifier rejects `{self.program}`"
        said = [f"verifier: {text}" for text in (self.instruction, self.complaint) if text]
        if self.missing:
            said = [f"note: {self.missing}"]
        if not self.line:
            return "\n".join([title, *(f"   = {text}" for text in said)])
        number = str(self.line)
        bar = " " * len(number) + " |"
        text = self.source_line.rstrip()
        shown = [f"{title}", f"{' ' * len(number)}--> {self.span_text}", bar, f"{number} | {text}"]
        indent = len(text) - len(text.lstrip())
        start = max(self.column - 1, indent) if self.column <= len(text) else indent
        shown.append(f"{bar} {' ' * start}{'^' * max(1, len(text) - start)}")
        shown += [f"{' ' * len(number)} = {line}" for line in said]
        return "\n".join(shown)


def refused_at(log: str, helper: int) -> int | None:
    """The instruction that the verifier came to last, if it is a call of `helper`, which doesn't exist."""
    call = re.compile(rf"^(\d+): \(85\) call [a-z_]+#{helper}\b")
    for text in reversed(log.splitlines()):
        if _INSTRUCTION.match(text):
            match = call.match(text)
            return int(match[1]) if match else None
    return None


def _last_line(log: str, lines: tuple[tuple[int, LineRecord], ...]) -> LineRecord | None:
    """Of the last instruction that the log names; else of the last source line in it."""
    for text in reversed(log.splitlines()):
        match = _INSTRUCTION.match(text)
        if match and lines:
            index = int(match[1])
            before = [line for at, line in lines if at <= index]
            if before:
                return before[-1]
        source = _SOURCE.match(text)
        if source and source["line"]:
            return LineRecord(0, source["file"], source["text"], int(source["line"]), 0)
    return None


def _complaint(log: str) -> tuple[str, str]:
    """The last line that is no statistics, and the last instruction before it."""
    complaint = ""
    for text in reversed(log.splitlines()):
        text = text.strip()
        if not text or text.startswith(_STATISTICS):
            continue
        if not complaint:
            complaint = text
        elif _INSTRUCTION.match(text):
            return complaint, text
    return complaint, ""
