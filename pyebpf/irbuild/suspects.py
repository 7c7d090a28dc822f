"""What is legal and suspect, as far as the source alone tells: a value never read, a statement never reached."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, get_args

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.suspects import HiddenFunction, Unreachable, UnusedVariable
from pyebpf.irbuild import names
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.text_methods import METHODS
from pyebpf.lang.functions import Builtin
from pyebpf.lang.maps import Map
from pyebpf.lang.types import layout_or_none
from pyebpf.syntax import tree
from pyebpf.syntax.walk import field_names, parts

STATEMENTS: Final = get_args(tree.Statement)
LEAVES: Final = {tree.Return: "return", tree.Break: "break", tree.Continue: "continue", tree.Raise: "raise"}
FUNCTIONS: Final = (min, max, abs, len, int, str, ord, sum, any, all)
"""Functions of Python that do nothing but give a result."""
HIDDEN: Final = ("min", "max", "abs", "len", "range", "print", "enumerate", "zip", "reversed", "sum", "any", "all")


def of_function(function: tree.Function) -> Iterator[Diagnostic]:
    """The warnings about one function."""
    yield from _unused(function)
    for node in parts(function.body):
        yield from _unreachable(node)
    yield from _block(function.body)


def _unreachable(node: object) -> Iterator[Diagnostic]:
    """What follows a statement that leaves, in any block of `node`."""
    for name in field_names(node):
        block = getattr(node, name)
        if isinstance(block, tuple) and block and isinstance(block[0], STATEMENTS):
            yield from _block(block)


def _block(block: tuple[tree.Statement, ...]) -> Iterator[Diagnostic]:
    for statement, following in pairwise(block):
        word = LEAVES.get(type(statement))
        if word is not None:
            yield Unreachable(following.span, statement.span, word)
            return


def _unused(function: tree.Function) -> Iterator[Diagnostic]:
    """Variables that are only assigned, and those that hide a function."""
    plain: dict[str, tree.Name] = {}
    others: set[str] = set()
    stored: set[int] = set()
    for node in parts(function.body):
        if _acts(node):
            others.update(target.id for target, _ in _targets(node))  # the call is wanted, whatever becomes of the name
        for target, single in _targets(node):
            stored.add(id(target))
            if single:
                plain.setdefault(target.id, target)
            else:
                others.add(target.id)
            if target.id in HIDDEN and (single or target.id not in plain):
                yield HiddenFunction(target.span, target.id)
    read = {node.id for node in parts(function.body) if isinstance(node, tree.Name) and id(node) not in stored}
    for name, target in plain.items():
        if name not in read and name not in others and not name.startswith("_"):
            yield UnusedVariable(target.span, name)


def _acts(node: object) -> bool:
    """Whether `node` assigns what a method gives that does something besides: `ip = packet.parse(IPv4)`."""
    value = node.value if isinstance(node, tree.Assign | tree.AnnAssign | tree.Walrus) else None
    return isinstance(value, tree.Call) and isinstance(value.function, tree.Attribute) and value.function.name != "get"


def _targets(node: object) -> Iterator[tuple[tree.Name, bool]]:
    """Names that `node` assigns, and whether by itself: not as a loop's counter or as a part of a tuple."""
    match node:
        case tree.Assign():
            targets = node.targets
        case tree.AnnAssign() | tree.AugAssign() | tree.Walrus():
            targets = (node.target,)
        case tree.For():
            yield from ((name, False) for name in _names(node.target))
            return
        case tree.WithItem() if node.target is not None:
            yield from ((name, False) for name in _names(node.target))
            return
        case _:
            return
    for target in targets:
        if isinstance(target, tree.Name):
            yield target, True
        elif isinstance(target, tree.Tuple):
            yield from ((name, False) for name in _names(target))


def _names(target: tree.Expression) -> Iterator[tree.Name]:
    if isinstance(target, tree.Name):
        yield target
    elif isinstance(target, tree.Tuple):
        for item in target.items:
            yield from _names(item)


def only_computes(b: Builder, node: tree.Call) -> bool:
    """Whether the call does nothing besides giving a result."""
    function = node.function
    if isinstance(function, tree.Attribute):
        if isinstance(function.value, tree.Name) and function.value.id not in b.frame.bindings:
            base = names.lookup(b.frame.python, function.value.id)[1]
            return isinstance(base, Map) and function.name == "get"
        return function.name in METHODS
    if not isinstance(function, tree.Name) or function.id in b.frame.bindings:
        return False
    value = names.lookup(b.frame.python, function.id)[1]
    plain = any(value is each for each in FUNCTIONS)
    return plain or isinstance(value, Builtin) or layout_or_none(value) is not None
