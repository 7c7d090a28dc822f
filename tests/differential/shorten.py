"""Makes a program that shows a fault smaller, by leaving out lines as long as it still shows the same one.

Probe and reference are the same line by line, so both lose the same lines.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from running import Kernel
from trial import Finding, Program, Tally, attempt

LONGEST = 60.0
"""Seconds after which what was found by then is good enough."""
Lines = list[tuple[str, str]]


def shorten(kernel: Kernel, program: Program, finding: Finding) -> Program:
    """The smallest program found that shows `finding`, with the one input that it takes."""
    if finding.case is not None:
        program = replace(program, cases=(finding.case,))

    def shows(lines: Lines) -> bool:
        probe, python = ("\n".join(side) + "\n" for side in zip(*lines, strict=True))
        try:
            found = attempt(kernel, replace(program, probe=probe, python=python), Tally())
        except Exception:  # what is left of it is no program at all
            return False
        return found is not None and found.kind == finding.kind

    lines = list(zip(program.probe.splitlines(), program.python.splitlines(), strict=True))
    lines = _smallest(lines, shows)
    probe, python = ("\n".join(side) + "\n" for side in zip(*lines, strict=True))
    return replace(program, probe=probe, python=python)


def _smallest(lines: Lines, shows: Callable[[Lines], bool]) -> Lines:
    end = time.monotonic() + LONGEST
    progress = True
    while progress:
        progress = False
        number = len(lines) - 1
        while number >= 0:
            for fewer in _without(lines, number):
                if time.monotonic() > end:
                    return lines
                if shows(fewer):
                    lines, progress = fewer, True
                    break
            number = min(number, len(lines)) - 1
    return lines


def _without(lines: Lines, number: int) -> Iterator[Lines]:
    """Ways to do with less at line `number`: without what it heads, without the whole statement, with its block moved
    out."""
    if not lines[number][0].strip():
        return
    clauses = end = _end(lines, number)
    yield lines[:number] + lines[end:]
    while clauses < len(lines) and _is_clause(lines[clauses]) and _depth(lines[clauses]) == _depth(lines[number]):
        clauses = _end(lines, clauses)
    if clauses > end:
        yield lines[:number] + lines[clauses:]
    if end > number + 1:
        yield lines[:number] + [(_out(probe), _out(python)) for probe, python in lines[number + 1 : end]] + lines[end:]
    probe, python = lines[number]
    if probe.strip() not in ("pass", "") and end == number + 1:
        indent = " " * _depth(lines[number])
        yield lines[:number] + [(f"{indent}pass", f"{indent}pass")] + lines[end:]
    if probe == python:
        for shorter in _simpler(probe):
            yield lines[:number] + [(shorter, shorter)] + lines[number + 1 :]


def _end(lines: Lines, number: int) -> int:
    """The line after all that line `number` heads."""
    end = number + 1
    while end < len(lines) and _depth(lines[end]) > _depth(lines[number]):
        end += 1
    return end


def _is_clause(line: tuple[str, str]) -> bool:
    """Whether a line goes on with the statement before it."""
    return line[0].lstrip().startswith(("else", "elif ", "except", "finally"))


def _simpler(text: str) -> Iterator[str]:
    """The line with one pair of parentheses replaced by a number."""
    for found in re.finditer(r"(?<![\w\])])\([^()]*\)", text):
        yield text[: found.start()] + "7" + text[found.end() :]


def _depth(line: tuple[str, str]) -> int:
    return len(line[0]) - len(line[0].lstrip()) if line[0].strip() else 1 << 20


def _out(text: str) -> str:
    return text.removeprefix("    ")
