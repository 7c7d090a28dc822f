"""How a refused program is shown: its lines with what is told of them, the verifier's words, states, what to do.

error: the kernel's verifier rejects `probe`: what may be null is used without a test
 --> probe.bpf.c:9:9
  |
8 |     u64 *count = bpf_map_lookup_elem(&counts, &key);
  |                  ^^^^^^^^^^^^^^^^^^^ R0 is set here: a value of map counts (8 bytes), or null
9 |     *count += 1;
  |            ^^ R0 may be null here
  |
  = verifier: R0 invalid mem access 'map_value_or_null'
  = states: 6: call bpf_map_lookup_elem#1  R0=map_value_or_null(id=1,map=counts,ks=4,vs=8)
            7: r1 = *(u64 *)(r0 +0)        R0=map_value_or_null(id=1,map=counts,ks=4,vs=8)
  = help: test it before: `if (!pointer) return 0;`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, Final, final

from pyebpf.diagnostics.render import BLUE, BOLD, RED, RESET, WIDTH, printable
from pyebpf.object.specs import LineRecord

if TYPE_CHECKING:
    from pyebpf.loader.verifier.error import VerifierError
    from pyebpf.loader.verifier.refusal import Sign

_WIDE: Final = 200
"""Characters of a line that are shown."""
_WORD: Final = re.compile(r"\w+|[^\w\s]+|\S")
_OURS: Final = (
    "pyebpf took this program, so this is a fault of pyebpf's: please report it, with the verifier's whole log"
)


def render(error: VerifierError, color: bool) -> str:
    """All of the message."""
    return "\n".join(_Renderer(error, color).lines())


@final
class _Renderer:
    def __init__(self, error: VerifierError, color: bool) -> None:
        self.error = error
        self.color = color
        self.refusal = error.refusal
        at = self.refusal.at
        self.signs = [*self.refusal.causes, *((at,) if at is not None else ())]
        numbers = [sign.line.line for sign in self.signs if sign.line is not None]
        self.gutter = " " * len(str(max(numbers, default=0)))

    def paint(self, text: str, style: str) -> str:
        return f"{style}{text}{RESET}" if self.color and text else text

    def lines(self) -> Iterator[str]:
        title = f": the kernel's verifier rejects `{printable(self.error.program)}`"
        if self.refusal.title and not self.error.missing:
            title += f": {printable(self.refusal.title)}"
        yield f"{self.paint('error', RED)}{self.paint(title, BOLD)}"
        if self.error.span_text:
            yield f"{self.gutter}{self.paint('-->', BLUE)} {printable(self.error.span_text)}"
        yield from self.excerpts()
        if self.error.missing:
            yield from self.remark("note", self.error.missing)
        for text in self.refusal.said[-2:]:
            yield from self.remark("verifier", text[:_WIDE])
        yield from self.states()
        if not self.error.missing:
            yield from self.remark("help", _OURS if self.error.file.endswith(".py") else self.refusal.help)
        if self.error.cut:
            yield from self.remark("note", "there was no memory for all of the verifier's log")

    def excerpts(self) -> Iterator[str]:
        """Lines in the order of the source, if they are of one file and known."""
        bar = self.paint("|", BLUE)
        shown = [(sign.line, sign) for sign in self.signs if sign.line is not None and sign.line.text.strip()]
        shown.sort(key=lambda pair: (pair[0].file != self.error.file, pair[0].file, pair[0].line))
        last: tuple[str, int] | None = None
        for (file, number, text), group in groupby(shown, lambda pair: (pair[0].file, pair[0].line, pair[0].text)):
            if last is None or file != last[0]:
                if last is not None:
                    yield f"{self.gutter} {bar}"
                    yield f"{self.gutter}{self.paint(':::', BLUE)} {printable(file)}:{number}"
                yield f"{self.gutter} {bar}"
            elif number > last[1] + 1:
                yield f"{self.gutter}{self.paint('...', BLUE)}"
            shown_number = str(number or "").rjust(len(self.gutter))
            yield f"{self.paint(shown_number, BLUE)} {bar} {printable(text)[:_WIDE].rstrip()}"
            for indent, width, sign in _marked([(line, sign) for line, sign in group]):
                here = sign is self.refusal.at
                mark = f"{('^' if here else '-') * width} {printable(sign.label)}".rstrip()
                yield f"{self.gutter} {bar} {' ' * indent}{self.paint(mark, RED if here else BLUE)}"
            last = file, number
        if last is not None:
            yield f"{self.gutter} {bar}"

    def states(self) -> Iterator[str]:
        """The instructions, beside what the log says of their registers."""
        rows = []
        for sign in sorted(self.signs, key=lambda sign: sign is self.refusal.at):
            row = f"{sign.index}: {sign.instruction}", "  ".join(sign.states)
            if sign.instruction and row not in rows:
                rows.append(row)
        width = max((len(left) for left, _ in rows), default=0)
        head, rest = (
            f"{self.gutter} {self.paint('=', BLUE)} {self.paint('states', BOLD)}: ",
            " " * (len(self.gutter) + 11),
        )
        for number, (left, right) in enumerate(rows):
            yield (rest if number else head) + printable(f"{left:<{min(width, 60)}}  {right[:_WIDE]}").rstrip()

    def remark(self, kind: str, text: str) -> Iterator[str]:
        if not text.strip():
            return
        head = f"{self.gutter} {self.paint('=', BLUE)} {self.paint(kind, BOLD)}: "
        rest = " " * (len(self.gutter) + len(kind) + 5)
        for number, line in enumerate(wrap(printable(text), WIDTH, break_on_hyphens=False)):
            yield (rest if number else head) + line


def _marked(pairs: list[tuple[LineRecord, Sign]]) -> Iterator[tuple[int, int, Sign]]:
    """Where and how wide marks under a line are, from left to right."""
    seen: set[tuple[int, str]] = set()
    for line, sign in sorted(pairs, key=lambda pair: pair[0].column):
        start, end = _word(line)
        if (start, sign.label) in seen:
            continue
        seen.add((start, sign.label))
        indent = len(printable(line.text[:start]))
        if indent < _WIDE:
            yield indent, min(max(1, len(printable(line.text[start:end]))), _WIDE), sign


def _word(line: LineRecord) -> tuple[int, int]:
    """What a column points at: a word; without a column the whole line."""
    text = line.text.rstrip()
    first = len(text) - len(text.lstrip())
    start = line.column - 1
    found = _WORD.search(text, start) if first < start < len(text) else None
    return found.span() if found is not None else (first, len(text))
