"""Where a register at a refused instruction is from: what set it, bounded it, what was added to it, what lost it."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, final

from pyebpf.loader.verifier.log import Instruction
from pyebpf.loader.verifier.path import CLOBBERED, Path, Step
from pyebpf.loader.verifier.registers import Register
from pyebpf.records import dataclass

What: TypeAlias = Literal["set", "bounded", "unbounded", "moved", "checked", "lost", "clobbered", "taken", "locked"]
LIMIT: Final = 20_000
"""Steps back, at most."""
_CALL, _EXIT = 0x85, 0x95
_WRITE: Final = re.compile(r"^([rw])(\d{1,2}) (\S*=) (.*)$")
_COPY: Final = re.compile(r"^([rw])(\d{1,2})$")
_FILL: Final = re.compile(r"^\*\(u\d+ \*\)\(r10 ([+-]\d+)\)$")
_SPILL: Final = re.compile(r"^\*\(u\d+ \*\)\(r10 ([+-]\d+)\) = (?:r(\d{1,2})|.*)$")
_NAMED_CALL: Final = re.compile(r"^call (?:bpf_)?(\w+)#")
_MOVE_PACKETS: Final = frozenset(
    [
        "skb_store_bytes",
        "skb_vlan_push",
        "skb_vlan_pop",
        "skb_change_proto",
        "skb_change_tail",
        "skb_adjust_room",
        "skb_pull_data",
        "skb_change_head",
        "l3_csum_replace",
        "l4_csum_replace",
        "clone_redirect",
        "xdp_adjust_head",
        "xdp_adjust_tail",
        "xdp_adjust_meta",
        "msg_pull_data",
        "msg_push_data",
        "msg_pop_data",
        "lwt_push_encap",
        "lwt_seg6_store_bytes",
        "lwt_seg6_adjust_srh",
        "lwt_seg6_action",
        "skb_ecn_set_ce",
        "skb_set_tunnel_key",
        "store_hdr_opt",
    ]
)
"""Helpers after which packets lie elsewhere. Source: bpf_helper_changes_pkt_data() in net/core/filter.c."""


@final
@dataclass(frozen=True, slots=True)
class Mark:
    """A step that matters, and the register that it is about."""

    what: What
    step: Step
    register: str
    state: Register | None
    """As it is from then on."""


def origin(path: Path, number: int, name: str) -> Mark | None:
    """What set a register that is looked at before step `number`; None if nothing did. Copies, and the way over the
    stack and through calls of functions, are followed."""
    return _Walk(path, number, name).to_source()


def bound(path: Path, number: int, name: str) -> Mark | None:
    """The last test that bounded a number; else what set it."""
    return _Walk(path, number, name).to_bound()


def moved(path: Path, number: int, name: str) -> tuple[Mark, ...]:
    """The last addition of a number that isn't known to a pointer, and where that has its bounds from; else what set
    the pointer."""
    walk = _Walk(path, number, name)
    while (step := walk.back()) is not None:
        written = walk.written(step)
        if written is None or walk.copied(step, written):
            continue
        added = _COPY.match(written[1])
        if added is None and written[0] != "=":
            continue
        found = path.before(step.number, f"R{added[2]}") if added is not None else None
        if added is None or written[0] == "=":
            return (Mark("set", step, walk.name, path.after(step.number, walk.name)),)
        if found is None or found.constant is not None or found.is_pointer:
            continue
        mark = Mark("moved", step, f"R{added[2]}", found)
        from_bound = bound(path, step.number, mark.register)
        return (mark,) if from_bound is None else (from_bound, mark)
    mark_of_source = origin(path, number, name)
    return () if mark_of_source is None else (mark_of_source,)


def checked(path: Path, number: int, name: str) -> Mark | None:
    """The last test of a packet's end; else what set the pointer into it."""
    frame = path.frame(number)
    for at in range(number - 1, max(-1, number - LIMIT), -1):
        step = path.step(at)
        if step.frame != frame or not step.instruction.text.startswith("if "):
            continue
        known = path.after(at, name)
        if known is not None and known.kind == "pkt" and known.number("r"):
            return Mark("checked", step, name, known)
        for other in step.instruction.changed.values():
            if other.kind == "pkt" and other.number("r"):
                return Mark("checked", step, other.name, other)
    return origin(path, number, name)


def packet_lost(path: Path, number: int, name: str) -> Mark | None:
    """The call that made a pointer into the packet useless, if that is what became of a register."""
    source = origin(path, number, name)
    if source is None or source.state is None or not source.state.kind.startswith("pkt"):
        return None
    for at in range(number - 1, source.step.number, -1):
        step = path.step(at)
        called = _NAMED_CALL.match(step.instruction.text)
        if called is not None and called[1] in _MOVE_PACKETS:
            return Mark("lost", step, name, None)
    return None


def call_of(path: Path, names: tuple[str, ...]) -> Step | None:
    """The last call of one of some helpers."""
    for at in range(len(path) - 1, max(-1, len(path) - LIMIT), -1):
        called = _NAMED_CALL.match(path.at_step(at).text)
        if called is not None and called[1] in names:
            return path.step(at)
    return None


def at_index(path: Path, index: int) -> Step | None:
    """The last step that is an instruction."""
    for at in range(len(path) - 1, max(-1, len(path) - LIMIT), -1):
        if path.at_step(at).index == index:
            return path.step(at)
    return None


@final
class _Walk:
    """Goes back step by step, by the names that the looked-for value had."""

    def __init__(self, path: Path, number: int, name: str) -> None:
        self.path = path
        self.at = number
        self.last = max(0, number - LIMIT)
        self.name = name
        """Of the register, or slot of the stack, that has it before step `at`."""
        self.frame = path.frame(number)
        self.clobbered: Step | None = None

    def back(self) -> Step | None:
        """The step before, of the frame that has the value; None at the beginning, or where a call left nothing."""
        while self.at > self.last and self.clobbered is None:
            self.at -= 1
            step = self.path.step(self.at)
            called = step.instruction.opcode == _CALL
            if step.frame > self.frame:
                if self.name == "R0" and step.instruction.opcode == _EXIT and step.frame == self.frame + 1:
                    self.frame = step.frame  # what the function returns
                continue
            if step.frame < self.frame:
                if self.name not in CLOBBERED:
                    return None
                self.frame = step.frame  # what the function was given
                continue
            if called and self.name in CLOBBERED:
                self.clobbered = step
                return None
            return step
        return None

    def written(self, step: Step) -> tuple[str, str] | None:
        """How a step writes the value: `=` and what is on its right; None if it doesn't."""
        text = step.instruction.text
        if self.name.startswith("fp"):
            spill = _SPILL.match(text)
            if spill is None or f"fp{int(spill[1]):+d}" != self.name:
                return None
            return "=", f"r{spill[2]}" if spill[2] else "…"
        if step.instruction.opcode == _CALL:
            return ("=", text) if self.name == "R0" else None
        write = _WRITE.match(text)
        return (write[3], write[4]) if write is not None and f"R{write[2]}" == self.name else None

    def copied(self, step: Step, written: tuple[str, str]) -> bool:
        """Whether it is a copy; then the walk goes on with what was copied."""
        how, what = written
        copy, fill = _COPY.match(what), _FILL.match(what)
        if how != "=" or (copy is None and fill is None):
            return False
        self.name = f"R{copy[2]}" if copy is not None else f"fp{int(fill[1]):+d}" if fill is not None else self.name
        return True

    def to_source(self) -> Mark | None:
        while (step := self.back()) is not None:
            written = self.written(step)
            if written is not None and not self.copied(step, written):
                return Mark("set", step, self.name, self.path.after(step.number, self.name))
        return self.ended()

    def to_bound(self) -> Mark | None:
        while (step := self.back()) is not None:
            if self.bounds(step):
                return Mark("bounded", step, self.name, self.path.after(step.number, self.name))
            written = self.written(step)
            if written is None or self.copied(step, written):
                continue
            if self.unbounds(step):
                return Mark("unbounded", step, self.name, self.path.after(step.number, self.name))
            if written[0] == "=" or _COPY.match(written[1]):
                return Mark("set", step, self.name, self.path.after(step.number, self.name))
        return self.ended()

    def bounds(self, step: Step) -> bool:
        """Whether a step is a test that the value has its bounds from, or a mask."""
        test = step.instruction.text.startswith("if ")
        if not test and self.written(step) is None:
            return False
        after = self.path.after(step.number, self.name)
        before = self.path.before(step.number, self.name)
        if before is None or after is None or after.kind != "scalar":
            return False
        if not test:
            return not _bounded(before) and _bounded(after) and after.constant is None
        return (before.signed, before.unsigned) != (after.signed, after.unsigned)

    def unbounds(self, step: Step) -> bool:
        """Whether a step leaves a number without bounds that had some: a shift of one that may be negative."""
        after = self.path.after(step.number, self.name)
        before = self.path.before(step.number, self.name)
        return before is not None and after is not None and _bounded(before) and not _bounded(after)

    def ended(self) -> Mark | None:
        """There is nothing further back."""
        return None if self.clobbered is None else Mark("clobbered", self.clobbered, self.name, None)


def _bounded(register: Register) -> bool:
    """Whether it is known to be less than half of all numbers there are."""
    low, high = register.signed
    return register.kind == "scalar" and high - low < 1 << 63


def operand(instruction: Instruction) -> str | None:
    """The register on the right of an instruction: what is added, or stored."""
    found = re.search(r"= [rw](\d{1,2})$", instruction.text)
    return f"R{found[1]}" if found is not None else None
