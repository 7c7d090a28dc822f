"""What Linux 7.3 adds to a log: why, where, what led to it, and what to do, in sentences.

Verification failed: Register Type Safety: Invalid dereference

Reason:
  R0 may be NULL here …
At:
  probe @ null_lookup.bpf.c:9:9                function, file, line, column
  Source context:
  >>>  9 |         *count += 1;
         |         ^-- error: invalid dereference of R0
  Instruction context:
  >>>  7 | (79) r1 = *(u64 *)(r0 +0)
Causal path:
  (the same, with `update:` and `branch:` in place of `error:`)
Suggestion:
  Add a NULL check …
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, final

from pyebpf.loader.verifier.log import STATISTICS, STRUCTURED
from pyebpf.loader.verifier.registers import LONGEST
from pyebpf.records import dataclass

_LONGEST: Final = 1 << 18
"""Characters that are read."""
_PLACE: Final = re.compile(r"^ {0,4}(\S+) @ (.+?):(\d{1,9})(?::(\d{1,9}))?$")
_SECTION: Final = re.compile(r"^([A-Z][A-Za-z ]*):$")
_POINTED: Final = re.compile(r"^\s*>>>\s*(\d{1,9}) \| (.*)$")
_LABEL: Final = re.compile(r"^\s*\|\s*\^-- (.*)$")
_MORE_LABEL: Final = re.compile(r"^\s*\| {4,}(\S.*)$")
_CODE: Final = re.compile(r"^\([0-9a-f]{2}\) ")


@final
@dataclass(frozen=True, slots=True)
class Place:
    """A line of the program, the instruction in it, and what the kernel says of it."""

    function: str
    file: str
    line: int
    column: int
    source: str
    instruction: int | None
    label: str


@final
@dataclass(frozen=True, slots=True)
class Structured:
    """All of it. What a log doesn't have is ""."""

    title: str
    """`Register Type Safety: Invalid dereference`."""
    reason: str
    at: Place | None
    causes: tuple[Place, ...]
    suggestion: str


def structured(log: str) -> Structured | None:
    """What the kernel says in sentences; None where it doesn't."""
    start = log.find(STRUCTURED)
    if start < 0:
        return None
    title, _, rest = log[start + len(STRUCTURED) :][:_LONGEST].partition("\n")
    sections: dict[str, list[str]] = {}
    here: list[str] = []
    for line in rest.split("\n"):
        line = line[:LONGEST]
        section = _SECTION.match(line)
        if section is not None:
            here = sections.setdefault(section[1], [])
        elif not line.startswith(STATISTICS):
            here.append(line)
    at = next(_places(sections.get("At", [])), None)
    return Structured(
        title.strip()[:200],
        _text(sections.get("Reason", [])),
        at,
        tuple(_places(sections.get("Causal path", []))),
        _text(sections.get("Suggestion", [])),
    )


def _text(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())


def _places(lines: list[str]) -> Iterator[Place]:
    starts = [number for number, line in enumerate(lines) if _PLACE.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)][: len(starts)], strict=True):
        found = _PLACE.match(lines[start])
        assert found is not None
        yield _place(found, lines[start + 1 : end])


def _place(head: re.Match[str], lines: list[str]) -> Place:
    source, label, instruction, labelled = "", [], None, False
    for line in lines:
        pointed, more = _POINTED.match(line), _MORE_LABEL.match(line)
        told = _LABEL.match(line)
        if pointed is not None and _CODE.match(pointed[2]):
            instruction = int(pointed[1])
        elif pointed is not None:
            source = pointed[2]
        elif told is not None:
            label.append(told[1])
        elif more is not None and labelled:
            label.append(more[1])
        labelled = told is not None or (labelled and more is not None)
    return Place(head[1], head[2], int(head[3]), int(head[4] or 0), source, instruction, " ".join(label))
