"""The verifier's log as records, for all kernels since 5.10.

    func#0 @0                                        a Message
    0: R1=ctx() R10=fp0                              a State: before instruction 0
    ; u32 key = 1; @ probe.bpf.c:7                   a Source (the file and number since 6.10)
    1: (63) *(u32 *)(r10 -4) = r1   ; fp-8=0000????  an Instruction, and what it changed (since 5.17)
    from 5 to 7: R0=0 R10=fp0                        a State that a branch of instruction 5 goes on with at 7
    R0 invalid mem access 'scalar'                   a Message: the last one is the complaint

Level 1 has the instructions that led to the refusal; level 2 those of all paths, each path at its end followed by
another one, which goes on from a branch further above.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias, final

from pyebpf.loader.verifier.registers import LONGEST, Register, registers
from pyebpf.records import dataclass

_LINE: Final = re.compile(r"[^\n]*\n?")
_SOURCE: Final = re.compile(r"^; (?P<text>.*?)(?: @ (?P<file>[^@]*):(?P<line>\d{1,9}))?$")
_INSTRUCTION: Final = re.compile(
    r"^(?P<index>\d{1,9}): \((?P<code>[0-9a-f]{2})\) (?P<text>[^;]*)(?:; ?(?P<state>.*))?$"
)
_STATE: Final = re.compile(r"^(?:from (?P<origin>\d{1,9}) to )?(?P<index>\d{1,9})(?: \([^)]*\))?: ?(?P<state>.*)$")
_MORE: Final = re.compile(r"^ *(?:frame\d+: ?)?(?:R\d|fp-\d)[^ ]*=")
STATISTICS: Final = (
    "processed ",
    "verification time ",
    "stack depth ",
    "insns processed",
    "max_states",
    "mark_precise",
    "regs=",
    "parent ",
    "last_idx ",
    "cur state:",
    "old state:",
)
"""How lines begin that are about the verifier's own work."""
STRUCTURED: Final = "\nVerification failed: "
"""How the second half of a log begins, since 7.3; see `structured`."""


@final
@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction that the verifier went through."""

    index: int
    opcode: int
    text: str
    """As the kernel writes it: `r1 = *(u64 *)(r0 +0)`."""
    state: str
    """What it changed, or ""."""

    @property
    def changed(self) -> dict[str, Register]:
        return registers(self.state)


@final
@dataclass(frozen=True, slots=True)
class State:
    """Registers as they are before an instruction, or (`index` is None) at the place in the log."""

    index: int | None
    origin: int | None
    """The branch that it is from, where the log says it."""
    text: str

    @property
    def registers(self) -> dict[str, Register]:
        return registers(self.text)


@final
@dataclass(frozen=True, slots=True)
class Source:
    """The line that the following instructions are from. `file` and `line` are "" and 0 before 6.10."""

    text: str
    file: str
    line: int


@final
@dataclass(frozen=True, slots=True)
class Message:
    """Any other line."""

    text: str


Record: TypeAlias = Instruction | State | Source | Message


def records(log: str) -> Iterator[Record]:
    """What a log says, line by line, up to where Linux 7.3 says it once more in its own words."""
    end = log.find(STRUCTURED)
    for found in _LINE.finditer(log, 0, len(log) if end < 0 else end):
        line = found[0].rstrip("\n")
        if line.strip():
            yield record(line)


def record(line: str) -> Record:
    """A line. Whatever isn't known is a Message."""
    line = line[:LONGEST]
    if line[:1].isdigit():
        found = _INSTRUCTION.match(line)
        if found is not None:
            state = found["state"] or ""
            return Instruction(int(found["index"]), int(found["code"], 16), found["text"].rstrip(), state.strip())
    if line[:1].isdigit() or line.startswith("from "):
        found = _STATE.match(line)
        if found is not None:
            origin = found["origin"]
            return State(int(found["index"]), None if origin is None else int(origin), found["state"])
    if line.startswith("; "):
        found = _SOURCE.match(line)
        if found is not None:
            return Source(found["text"], found["file"] or "", int(found["line"] or 0))
    if _MORE.match(line):
        return State(None, None, line.strip())
    return Message(line)


def complaint(log: str) -> tuple[str, ...]:
    """The verifier's last words: the lines behind the last instruction, without those about its own work."""
    end = log.find(STRUCTURED)
    said: list[str] = []
    for line in lines_backwards(log, len(log) if end < 0 else end):
        if not line.strip() or line.strip().startswith(STATISTICS):
            continue
        found = record(line)
        if not isinstance(found, Message):
            break
        said.append(found.text.strip())
    return tuple(reversed(said))


def lines_backwards(log: str, end: int) -> Iterator[str]:
    """Lines from the last one on, without those of a megabyte ago."""
    first = max(0, end - (1 << 20))
    while end > first:
        start = log.rfind("\n", 0, end) + 1
        yield log[start:end]
        end = start - 1


def last_instruction(log: str) -> str:
    """The line of the instruction that the verifier came to last, or ""."""
    end = log.find(STRUCTURED)
    for line in lines_backwards(log, len(log) if end < 0 else end):
        if line[:1].isdigit() and _INSTRUCTION.match(line[:LONGEST]):
            return line
    return ""
