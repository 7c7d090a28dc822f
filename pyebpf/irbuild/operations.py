"""Structs of operations: a method's parameters as the operation's arguments, and what the struct itself consists of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from types import FunctionType
from typing import Final, final

from pyebpf.diagnostics import operations as errors
from pyebpf.diagnostics.base import Diagnostic, Sink
from pyebpf.diagnostics.hooks import NoKernelTypes
from pyebpf.ir.module import OperationMember, OperationsRef
from pyebpf.irbuild import assignments
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.module_state import ModuleState
from pyebpf.kernel import operations as kernel
from pyebpf.kernel.arguments import Argument, Signature
from pyebpf.lang.kernel_types import KernelPointer
from pyebpf.lang.struct_ops import StructOps
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.walk import parts

SELF: Final = "self"
_LONGEST: Final = 4_000
"""Lines of a class in which a value is looked for."""


def without_self(function: tree.Function) -> tree.Function:
    """The method with the kernel's parameters alone."""
    first = function.parameters[:1]
    return replace(function, parameters=function.parameters[1:]) if first and first[0].name == SELF else function


def signature(b: Builder, function: tree.Function) -> Signature:
    """What the operation takes and gives, by the names of the method's parameters."""
    struct, _, name = b.argument.partition(":")
    places = kernel.places(b.module.btf(b, function.span), struct)
    assert places is not None  # `check` has seen to that
    found = places[name].signature
    assert found is not None
    for each in parts(b.probe.body):
        if isinstance(each, tree.Name) and each.id == SELF and b.probe is not function:
            b.error(errors.SelfUsed(each.span))
    if len(function.parameters) != len(found.arguments):
        expected, count = len(found.arguments), len(function.parameters)
        words = f"{expected} argument{'s' * (expected != 1)}"
        b.error(errors.OperationParameters(function.span, name, words, str(count), found.text))
    result = found.result
    if result is not None and not (result.kind in ("integer", "boolean") and result.size <= 4):
        b.error(errors.OperationResult(function.name_span, name, found.text))
    if result is not None:
        bits = 8 * result.size - result.signed
        range = (-(1 << bits) if result.signed else 0, (1 << bits) - 1)
        b.hook = replace(b.hook, result=(0, 1) if result.kind == "boolean" else range)
    found = kernel.named(found, tuple(each.name for each in function.parameters))
    seen = kernel.rule_of(struct).seen_as
    pairs = zip(found.arguments, function.parameters, strict=True)
    return replace(found, arguments=tuple(_seen(b, argument, parameter, seen) for argument, parameter in pairs))


def _seen(b: Builder, argument: Argument, parameter: tree.Parameter, seen: tuple[tuple[str, str], ...]) -> Argument:
    """The argument as what its annotation says, if that is what the verifier knows it to be."""
    if parameter.annotation is None:
        return argument
    wanted = assignments.annotation(b, parameter.annotation)
    known = isinstance(wanted, KernelPointer) and (argument.struct, wanted.struct) in seen
    return replace(argument, struct=wanted.struct) if isinstance(wanted, KernelPointer) and known else argument


@final
class _Class:
    """Where things stand in the text of a class."""

    def __init__(self, functions: list[tree.Function], name: str) -> None:
        first = min(functions, key=lambda each: each.span.line)
        self.source, self.fallback = first.span.source, first.span
        self.name = name
        lines = range(first.span.line, max(first.span.line - _LONGEST, 0), -1)
        self.line = next((at for at in lines if self._at(at, rf"class\s+({re.escape(name)})\b")), 0)

    def _at(self, line: int, pattern: str) -> Span | None:
        found = re.match(rf"\s*{pattern}", self.source.line(line))
        return Span(self.source, line, found.start(1), line, found.end(1)) if found else None

    def head(self) -> Span:
        """The name of the class."""
        found = self._at(self.line, rf"class\s+({re.escape(self.name)})\b") if self.line else None
        return found or self.fallback

    def struct(self, name: str) -> Span:
        """The decorator's argument."""
        for line in range(self.line, max(self.line - 8, 0), -1):
            if found := re.search(rf"([\"']){re.escape(name)}\1", self.source.line(line)):
                return Span(self.source, line, found.start(), line, found.end())
        return self.head()

    def value(self, name: str) -> Span:
        """The name of a member that is given a value."""
        last = min(self.line + _LONGEST, self.source.text.count("\n") + 1)
        lines = range(self.line + 1, last + 1) if self.line else range(0)
        return next((at for line in lines if (at := self._at(line, rf"({re.escape(name)})\s*[:=]"))), self.head())


def check(
    state: ModuleState, sink: Sink, wanted: StructOps, parse: Callable[[FunctionType], tree.Function]
) -> OperationsRef | None:
    """The struct as it goes into the object; None, with diagnostics, if it can't be made."""
    functions = {name: parse(probe.function) for name, probe in wanted.methods.items()}
    text = _Class(list(functions.values()), wanted.__name__)
    btf = state.btf_or_none()
    if btf is None:
        sink.add(NoKernelTypes(text.head(), "operations are what the kernel's types say"))
        return None
    places = kernel.places(btf, wanted.struct)
    if places is None:
        near = get_close_matches(wanted.struct, kernel.structs(btf), n=1, cutoff=0.6)
        hint = f'@struct_ops("{near[0]}")' if near else ""
        sink.add(errors.UnknownOperations(text.struct(wanted.struct), wanted.struct, hint))
        return None
    found = [*_wrong(wanted, places, functions, text), *_missing(wanted, text)]
    for diagnostic in found:
        sink.add(diagnostic)
    if found:
        return None
    members = [
        *(OperationMember(name, places[name].size, False, places[name].offset, b"", probe.__name__)
          for name, probe in wanted.methods.items()),
        *(_member(places[name], value, state.big_endian) for name, value in wanted.values.items()),
    ]  # fmt: skip
    members.sort(key=lambda each: each.offset)
    return OperationsRef(
        wanted.__name__,
        wanted.struct,
        tuple(members),
        state.kernel is None or state.kernel >= kernel.LINKS,
        text.head(),
    )


def _wrong(
    wanted: StructOps, places: dict[str, kernel.Place], functions: dict[str, tree.Function], text: _Class
) -> Iterator[Diagnostic]:
    rule = kernel.rule_of(wanted.struct)
    operations = [name for name, each in places.items() if each.kind == "operation" and name not in rule.refused]
    for name, function in functions.items():
        if name not in operations:
            near = get_close_matches(name, operations, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else ""
            yield errors.UnknownOperation(function.name_span, wanted.struct, "operation", name, hint)
    kinds = ("number", "text")
    members = [name for name, _ in rule.values] or [name for name, each in places.items() if each.kind in kinds]
    for name, value in wanted.values.items():
        if name not in members or name not in places:
            near = get_close_matches(name, members, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else f"a method is an operation: def {name}(self):"
            hint = hint if near or name in operations else ""
            yield errors.UnknownOperation(text.value(name), wanted.struct, "member", name, hint)
        elif problem := _problem(places[name], value):
            yield errors.OperationValue(text.value(name), name, wanted.struct, *problem)


def _problem(place: kernel.Place, value: int | bytes) -> tuple[str, str] | None:
    """What the member is, and what it is given, if that doesn't go into it."""
    if place.kind == "text":
        if isinstance(value, bytes) and 0 < len(value) < place.size and b"\0" not in value:
            return None
        shown = f"{len(value)} bytes" if isinstance(value, bytes) and value else "empty" if value == b"" else str(value)
        return f"text of 1 to {place.size - 1} bytes", shown
    bits = 8 * place.size - place.signed
    low, high = -(1 << bits) if place.signed else 0, (1 << bits) - 1
    if isinstance(value, int) and low <= value <= high:
        return None
    return f"a number from {low} to {high}", str(value) if isinstance(value, int) else "text"


def _missing(wanted: StructOps, text: _Class) -> Iterator[Diagnostic]:
    rule = kernel.rule_of(wanted.struct)
    for group in rule.required:
        if not any(name in wanted.methods for name in group):
            hint = f"def {group[0]}(self, sk):" if len(group) == 1 else f"def {group[0]}(self, sk, ack, acked):"
            what = " or ".join(f"`{name}`" for name in group)
            yield errors.OperationMissing(text.head(), wanted.__name__, what, wanted.struct, hint)
    for name, needed in rule.values:
        if needed and name not in wanted.values:
            yield errors.OperationMissing(
                *(text.head(), wanted.__name__, f"a `{name}`", wanted.struct), f'{name} = "{wanted.__name__.lower()}"'
            )


def _member(place: kernel.Place, value: int | bytes, big_endian: bool) -> OperationMember:
    if isinstance(value, bytes):
        return OperationMember(place.name, place.size, True, place.offset, value.ljust(place.size, b"\0"))
    data = value.to_bytes(place.size, "big" if big_endian else "little", signed=place.signed)
    return OperationMember(place.name, place.size, False, place.offset, data)
