"""Where shared things lie: in the frame of the innermost program or function around all that use them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from pyebpf.ir import ops
from pyebpf.ir.module import Frame, Function, FunctionKind, Program
from pyebpf.source import Span
from pyebpf.transform.sharing import Thing, slots_of, things

CONTEXT = (ops.ContextPointer, ops.ContextLoad, ops.ContextStore, ops.PacketData, ops.PacketLength, ops.PacketFits)
"""Ops for which the code generator needs the program's context."""
ROOT = ""
"""Stands for the program among the names of its functions."""


@final
@dataclass(frozen=True)
class Draft:
    """A function whose frames aren't known yet."""

    name: str
    body: ops.Block
    span: Span
    kind: FunctionKind = "loop"


def with_frames(program: Program, body: ops.Block, drafts: list[Draft]) -> Program:
    """`program` with `body`, and the functions of `drafts`, which run each other."""
    bodies = {ROOT: body} | {draft.name: draft.body for draft in drafts}
    parents = {op.function: name for name, block in bodies.items() for op in ops.walk(block) if isinstance(op, ops.Run)}
    homes = _homes(bodies, parents)
    needy = _need_context(bodies, parents)
    frames: dict[str, Frame] = {}

    def frame(name: str) -> Frame:
        if name not in frames:
            outer = None if name == ROOT else frame(parents[name])
            shared = tuple(thing for thing, home in homes.items() if home == name)
            frames[name] = Frame(shared, outer, any(parents[child] == name for child in needy if child))
        return frames[name]

    owners = set(parents.values())
    functions = tuple(
        Function(
            draft.name,
            draft.kind,
            frame(parents[draft.name]),
            frame(draft.name) if draft.name in owners else None,
            draft.body,
            draft.span,
        )
        for draft in drafts
    )
    return replace(program, body=body, functions=functions, frame=frame(ROOT))


def _chain(name: str, parents: dict[str, str]) -> list[str]:
    """`name` and all around it, the program last."""
    found = [name]
    while found[-1] != ROOT:
        found.append(parents[found[-1]])
    return found


def _homes(bodies: dict[str, ops.Block], parents: dict[str, str]) -> dict[Thing, str]:
    """Whose frame each shared thing lies in."""
    users: dict[Thing, dict[str, None]] = {}
    holders: dict[ops.Slot, set[ops.Local]] = {}
    for name, block in bodies.items():
        for op in ops.walk(block):
            for thing in things(op):
                users.setdefault(thing, {})[name] = None
            if isinstance(op, ops.LocalSet) and (slot := slots_of(op.value)) is not None:
                holders.setdefault(slot, set()).add(op.local)
    for slot, holding in holders.items():  # memory lives as long as what leads to it
        for local in holding:
            users[slot] |= users[local]
    homes = {}
    for thing, names in users.items():
        if len(names) > 1:
            first, *others = (_chain(name, parents) for name in names)
            homes[thing] = next(name for name in first if all(name in chain for chain in others))
    return homes


def _need_context(bodies: dict[str, ops.Block], parents: dict[str, str]) -> set[str]:
    """Functions that need the context, or run one that does."""
    direct = [name for name, block in bodies.items() if any(isinstance(op, CONTEXT) for op in ops.walk(block))]
    return {around for name in direct for around in _chain(name, parents)}
