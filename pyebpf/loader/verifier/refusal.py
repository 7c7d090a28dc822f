"""Why a program was refused: the complaint in plain words, the refused instruction, and the steps that led to it."""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Final, final

from pyebpf.loader.verifier import origin as origins
from pyebpf.loader.verifier.complaints import Complaint, find
from pyebpf.loader.verifier.log import complaint
from pyebpf.loader.verifier.origin import Mark
from pyebpf.loader.verifier.path import Path, Step
from pyebpf.loader.verifier.registers import Register, number_words, words
from pyebpf.loader.verifier.structured import Place, Structured, structured
from pyebpf.object.specs import LineRecord
from pyebpf.records import dataclass

Lines = tuple[tuple[int, LineRecord], ...]
"""Instructions, and the lines that they are from: the object's own line info."""
_READ: Final = re.compile(r"\b[rw](\d{1,2})\b")
_PRINTED: Final = 3
"""Registers that are shown of the refused instruction, at most."""


@final
@dataclass(frozen=True, slots=True)
class Sign:
    """An instruction that matters, with its line, what is told of it, and registers as the log has them."""

    index: int
    instruction: str
    states: tuple[str, ...]
    line: LineRecord | None
    label: str


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """All that is known of it. What the table of complaints doesn't have has no `kind`, and the kernel's own words."""

    kind: str
    title: str
    help: str
    said: tuple[str, ...]
    """The verifier's last words."""
    at: Sign | None
    """The refused instruction; None where the complaint is of none."""
    causes: tuple[Sign, ...]
    """What led to it, in their order."""
    structured: Structured | None
    """What Linux 7.3 and later say."""


def refusal(log: str, lines: Lines = ()) -> Refusal:
    """Read a log, of any kernel. Never raises for what is in it."""
    said, told = complaint(log), structured(log)
    path = Path(log)
    joined = "\n".join(said)
    found = find(joined)
    if found is None:
        return _unknown(said, told, path, lines)
    row, fields = found
    return _known(row, fields, said, told, path, lines)


def _unknown(said: tuple[str, ...], told: Structured | None, path: Path, lines: Lines) -> Refusal:
    """No row has it: the kernel's own words."""
    at = _sign(path, len(path) - 1, "", "", lines) if len(path) else None
    title = told.title.partition(": ")[2] or told.title if told is not None else ""
    causes = tuple(_from_place(place, path, lines) for place in told.causes) if told is not None else ()
    return Refusal(
        "", title[:1].lower() + title[1:], told.suggestion if told is not None else "", said, at, causes, told
    )


def _known(
    row: Complaint, fields: Mapping[str, str], said: tuple[str, ...], told: Structured | None, path: Path, lines: Lines
) -> Refusal:
    number = len(path) - 1
    register = fields.get("reg", "")
    marks: tuple[Mark, ...] = ()
    name, title, label, help = row.name, row.title, row.label, row.help
    if number >= 0:
        register = register or _subject(row, path, number)
        marks = _marks(row, fields, path, number, register)
    if row.trace == "packet-or-number" and marks and marks[-1].what == "lost":
        name = "packet-changed"
        title, label = "an address in a packet that may have moved since is used", "{reg} is of no use any more"
        help = "read the address from the context again, and compare it with the packet's end, behind that call"
    values = _Fields(fields, register, path)
    at = None
    if row.where == "last" and number >= 0:
        at = _sign(path, number, register, label.format_map(values), lines)
        at = _corrected(at, row, fields, register)
    elif row.where == "insn":
        at = _of_index(int(fields["insn"]), path, lines)
    if (at is None or at.line is None) and told is not None and told.at is not None:
        at = _from_place(told.at, path, lines)
    causes = tuple(_of_mark(mark, path, lines) for mark in marks)
    if not causes and told is not None:
        causes = tuple(_from_place(place, path, lines) for place in told.causes)
    return Refusal(
        name, title.format_map(values), help.format_map(values) or (told.suggestion if told else ""),
        *(said, at, causes, told),
    )  # fmt: skip


def _corrected(at: Sign, row: Complaint, fields: Mapping[str, str], register: str) -> Sign:
    """What the complaint itself says of the register, where no line before it does: tests of a packet's end, and calls
    that move it, change registers that aren't written out."""
    said = {"packet": f"pkt(r={fields.get('checked')})", "packet-or-number": fields.get("mem")}.get(row.trace)
    if said is None or not register or any(state.startswith(f"{register}={said}") for state in at.states):
        return at
    others = tuple(state for state in at.states if not state.startswith(f"{register}="))
    return dataclasses.replace(at, states=(f"{register}={said}", *others))


class _Fields(dict[str, str]):
    """The fields of a row's texts, those that are worked out included."""

    def __init__(self, fields: Mapping[str, str], register: str, path: Path) -> None:
        super().__init__({"reg": register or "it", **fields})
        self.path = path

    def __missing__(self, name: str) -> str:
        if name == "need":
            return str(int(self["off"]) + int(self["size"]))
        if name == "type_words":
            return _kind_words(self["type"])
        if name == "expected_words":
            kinds = list(
                dict.fromkeys(_kind_words(kind.strip()) for kind in self["expected"].split(",") if kind.strip())
            )
            *first, last = kinds[:3] if len(kinds) <= 3 else [*kinds[:3], "the like"]
            return f"{', '.join(first)} or {last}" if first else last
        if name == "size_words":
            return f"{self['size']} byte{'' if self['size'] == '1' else 's'}"
        if name == "known_words":
            checked = self["checked"]
            known = f"only its first {checked} byte{' is' if checked == '1' else 's are'} known to be there"
            return f"and {known}" if checked != "0" else "which nothing says to be there"
        return "?"


def _kind_words(kind: str) -> str:
    """A type of registers, as complaints of arguments have it: `fp` is the stack."""
    known = {
        "inv": "a number", "scalar": "a number", "fp": "an address on the stack", "ctx": "the context",
        "map_ptr": "a map", "map_value": "a map's value", "map_key": "a map's key", "pkt": "the packet",
        "pkt_meta": "the packet's metadata", "mem": "memory", "ringbuf_mem": "what is reserved in a ring buffer",
        "buf": "a buffer", "sock": "a socket", "sock_common": "a socket", "trusted_ptr_": "a kernel pointer",
        "ptr_": "a kernel pointer", "?": "nothing",
    }  # fmt: skip
    return known.get(kind, kind)


def _subject(row: Complaint, path: Path, number: int) -> str:
    """The register that a complaint is about that names none: what is added, or the address that is accessed."""
    instruction = path.at_step(number)
    if row.name in ("unbounded", "packet-offset", "offset"):
        return origins.operand(instruction) or ""
    if row.name == "return":
        return "R0"
    if row.name == "nullable-argument":
        return ""
    found = re.search(r"\((?:[us]\d+) \*\)\(r(\d{1,2}) ", instruction.text)
    return f"R{found[1]}" if found is not None else ""


def _marks(row: Complaint, fields: Mapping[str, str], path: Path, number: int, register: str) -> tuple[Mark, ...]:
    """The steps that led to it, as the row says."""
    if row.trace == "taken":
        step = origins.at_index(path, int(fields["insn"])) if "insn" in fields else None
        return () if step is None else (Mark("taken", step, "R0", path.after(step.number, "R0")),)
    if row.trace == "locked":
        step = origins.call_of(path, ("spin_lock", "res_spin_lock"))
        return () if step is None else (Mark("locked", step, "", None),)
    if not register or not row.trace:
        return ()
    if (
        row.trace == "moved"
        and "math between" in row.pattern.pattern
        and register == origins.operand(path.at_step(number))
    ):
        return _some(origins.bound(path, number, register))
    match row.trace:
        case "source":
            return _some(origins.origin(path, number, register))
        case "bound" | "operand" | "number":
            return _some(origins.bound(path, number, register))
        case "moved":
            return origins.moved(path, number, register)
        case "packet":
            return _some(origins.checked(path, number, register))
        case _:
            return _some(origins.packet_lost(path, number, register) or origins.origin(path, number, register))


def _some(mark: Mark | None) -> tuple[Mark, ...]:
    return () if mark is None else (mark,)


def _of_mark(mark: Mark, path: Path, lines: Lines) -> Sign:
    state = mark.state
    match mark.what:
        case "set":
            label = f"{mark.register} is set here{f': {words(state)}' if state is not None else ''}"
        case "bounded":
            label = f"from here on {mark.register} is {number_words(state)}" if state is not None else ""
        case "unbounded":
            label = f"from here on {mark.register} is {number_words(state)}: its bounds are lost" if state else ""
        case "moved":
            label = f"{mark.register} is added here: {number_words(state)}" if state is not None else "added here"
        case "checked":
            label = _checked(state)
        case "lost":
            label = "this may move the packet: addresses in it are of no use afterwards"
        case "clobbered":
            label = f"a call leaves nothing in {mark.register}"
        case "taken":
            label = "taken here"
        case "locked":
            label = "locked here"
    return _sign(path, mark.step.number, "", label, lines, state)


def _checked(state: Register | None) -> str:
    known = (state.number("r") or 0) if state is not None else 0
    return f"this test makes the packet's first {known} bytes known"


def _sign(path: Path, number: int, register: str, label: str, lines: Lines, state: Register | None = None) -> Sign:
    instruction = path.at_step(number)
    states: tuple[str, ...] = () if state is None else (f"{state.name}={state.text}",)
    if state is None and number == len(path) - 1:
        states = tuple(_states(path, number, register))
    return Sign(instruction.index, instruction.text, states, line_of(instruction.index, lines, path, number), label)


def _states(path: Path, number: int, register: str) -> Iterator[str]:
    """Registers that a refused instruction reads: the one that it is about first."""
    instruction = path.at_step(number)
    read = [f"R{found}" for found in _READ.findall(instruction.text.partition(" = ")[2] or instruction.text)]
    read += [f"R{found}" for found in _READ.findall(instruction.text)]
    shown = 0
    for name in dict.fromkeys([*filter(None, (register,)), *read]):
        found = path.before(number, name)
        if found is not None and name != "R10" and shown < _PRINTED:
            shown += 1
            yield f"{name}={found.text}"


def _of_index(index: int, path: Path, lines: Lines) -> Sign:
    """Of an instruction that the verifier need not have come to."""
    step = origins.at_index(path, index)
    if step is not None:
        return _sign(path, step.number, "", "", lines)
    return Sign(index, "", (), line_of(index, lines), "")


def _from_place(place: Place, path: Path, lines: Lines) -> Sign:
    """What Linux 7.3 says of a step."""
    index = place.instruction if place.instruction is not None else -1
    step: Step | None = origins.at_index(path, index)
    record_of_place = LineRecord(0, place.file, place.source.strip(), place.line, 0)  # as lines of logs are
    text = step.instruction.text if step is not None else ""
    label = place.label.partition(": ")[2] or place.label
    return Sign(index, text, (), line_of(index, lines) or record_of_place, label)


def line_of(index: int, lines: Lines, path: Path | None = None, number: int = 0) -> LineRecord | None:
    """The line of an instruction: by the object's line info, or by what the log says before it."""
    if lines:
        at = bisect_right(lines, index, key=lambda line: line[0])
        return lines[at - 1][1] if at else None
    source = path.source(number) if path is not None else None
    return source if source is None else LineRecord(0, source.file, source.text, source.line, 0)
