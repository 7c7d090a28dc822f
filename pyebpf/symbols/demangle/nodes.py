"""Parts of C++ names, and how each is written: as `c++filt` does it."""

from __future__ import annotations

from typing import final

from pyebpf.records import dataclass
from pyebpf.symbols.demangle.writer import Mangled, Node, Writer


class Part:
    """What most are: text without a right side."""

    __slots__ = ()

    def left(self, out: Writer) -> None:
        raise NotImplementedError

    def right(self, out: Writer) -> None:
        return

    def is_function(self, out: Writer) -> bool:
        return False

    def is_array(self, out: Writer) -> bool:
        return False


@final
@dataclass(frozen=True, slots=True)
class Text(Part):
    text: str

    def left(self, out: Writer) -> None:
        out.add(self.text)


@final
@dataclass(frozen=True, slots=True)
class Joined(Part):
    """Several, one after the other; text among them."""

    parts: tuple[Node | str, ...]

    def left(self, out: Writer) -> None:
        for part in self.parts:
            if isinstance(part, str):
                out.add(part)
            else:
                out.show(part)


@final
@dataclass(frozen=True, slots=True)
class Nested(Part):
    scope: Node
    name: Node

    def left(self, out: Writer) -> None:
        out.show(self.scope)
        out.add("::")
        out.show(self.name)


@final
@dataclass(frozen=True, slots=True)
class Tagged(Part):
    """A name with a tag that tells it from that of another ABI."""

    name: Node
    tag: Node

    def left(self, out: Writer) -> None:
        out.show(self.name)
        out.add("[abi:")
        out.show(self.tag)
        out.add("]")


@final
@dataclass(frozen=True, slots=True)
class Template(Part):
    name: Node
    arguments: Arguments

    def left(self, out: Writer) -> None:
        out.show(self.name)
        out.show(self.arguments)


@final
@dataclass(frozen=True, slots=True)
class Arguments(Part):
    nodes: tuple[Node, ...]

    def left(self, out: Writer) -> None:
        out.add(" <" if out.last == "<" else "<")
        element, out.element = out.element, None
        elements, out.elements = out.elements, None
        out.listed(self.nodes)
        out.element, out.elements = element, elements
        out.add(" >" if out.last == ">" else ">")


@final
@dataclass(frozen=True, slots=True)
class ArgumentPack(Part):
    """Arguments that one parameter stands for, where they are given."""

    nodes: tuple[Node, ...]

    def left(self, out: Writer) -> None:
        out.listed(self.nodes)


class StandIn(Part):
    """What stands for another part, once that is known."""

    __slots__ = ()

    def known(self, out: Writer) -> Node | None:
        raise NotImplementedError

    def left(self, out: Writer) -> None:
        known = self.known(out)
        if known is not None:
            out.left(known)

    def right(self, out: Writer) -> None:
        known = self.known(out)
        if known is not None:
            out.right(known)

    def is_function(self, out: Writer) -> bool:
        known = self.known(out)
        return known is not None and known.is_function(out)

    def is_array(self, out: Writer) -> bool:
        known = self.known(out)
        return known is not None and known.is_array(out)


@final
@dataclass(frozen=True, slots=True)
class Pack(StandIn):
    """A parameter that stands for several: where it is expanded, one after the other."""

    nodes: tuple[Node, ...]

    def known(self, out: Writer) -> Node | None:
        if out.element is None:
            return None
        if out.elements is None:
            out.elements = len(self.nodes)
        return self.nodes[out.element] if out.element < len(self.nodes) else None

    def left(self, out: Writer) -> None:
        if out.element is None:
            out.listed(self.nodes)
        else:
            StandIn.left(self, out)


@final
@dataclass(frozen=True, slots=True)
class Expansion(Part):
    """What is written for each element of the packs that are in it."""

    pattern: Node

    def left(self, out: Writer) -> None:
        before = out.element, out.elements
        out.element, out.elements, mark = 0, None, out.mark()
        out.show(self.pattern)
        count = out.elements
        if count is None:  # no pack whose elements are known
            simple = isinstance(self.pattern, SIMPLE)
            out.put(mark, "" if simple else "(")
            out.add("..." if simple else ")...")
        elif count == 0:
            out.cut(mark)
        for number in range(1, count or 0):
            out.element = number
            out.add(", ")
            out.show(self.pattern)
        out.element, out.elements = before


@final
@dataclass(frozen=True, slots=True)
class Parameter(StandIn):
    """A template's: what is given for it; in a lambda's own parameters, which aren't known, `auto`."""

    index: int
    given: Node | None

    def known(self, out: Writer) -> Node | None:
        if out.in_lambda:
            return None
        if self.given is None and self.index < len(out.arguments):
            return out.arguments[self.index]
        return self.given

    def left(self, out: Writer) -> None:
        if self.known(out) is None:
            out.add(f"auto:{self.index + 1}")
        else:
            StandIn.left(self, out)


@final
class Forward(StandIn):
    """A parameter of a conversion's type, whose arguments come later in the name."""

    __slots__ = ("index", "node")

    def __init__(self, index: int) -> None:
        self.index = index
        self.node: Node | None = None

    def known(self, out: Writer) -> Node | None:
        if self.node is None:
            raise Mangled
        return self.node


@final
@dataclass(frozen=True, slots=True)
class Qualified(Part):
    """`char const`."""

    type: Node
    qualifier: str

    def left(self, out: Writer) -> None:
        out.left(self.type)
        out.add(self.qualifier)

    def right(self, out: Writer) -> None:
        out.right(self.type)

    def is_function(self, out: Writer) -> bool:
        return self.type.is_function(out)

    def is_array(self, out: Writer) -> bool:
        return self.type.is_array(out)


def _open(out: Writer, type: Node) -> bool:
    """Write the left side of what is pointed to; whether its declared is in parentheses."""
    out.left(type)
    if type.is_array(out):
        out.add(" (")
        return True
    if type.is_function(out):
        out.add("(")
        return True
    return False


@final
@dataclass(frozen=True, slots=True)
class Pointer(Part):
    type: Node
    member_of: Node | None = None

    def left(self, out: Writer) -> None:
        opened = _open(out, self.type)
        if self.member_of is not None:
            out.add("" if opened else " ")
            out.show(self.member_of)
            out.add("::")
        out.add("*")

    def right(self, out: Writer) -> None:
        if self.type.is_array(out) or self.type.is_function(out):
            out.add(")")
        out.right(self.type)


@final
@dataclass(frozen=True, slots=True)
class Reference(Part):
    """Of a reference to a reference one is left, of the lesser kind."""

    type: Node
    sign: str

    def _collapsed(self, out: Writer) -> tuple[Node, str]:
        type, sign = self.type, self.sign
        while True:
            out.enter()
            out.leave()
            inner: Node | None = None
            if isinstance(type, Reference):
                inner, sign = type.type, min(sign, type.sign)
            elif isinstance(type, StandIn):
                inner = type.known(out)
            if inner is None:
                return type, sign
            type = inner

    def left(self, out: Writer) -> None:
        type, sign = self._collapsed(out)
        _open(out, type)
        out.add(sign)

    def right(self, out: Writer) -> None:
        type, _ = self._collapsed(out)
        if type.is_array(out) or type.is_function(out):
            out.add(")")
        out.right(type)


@final
@dataclass(frozen=True, slots=True)
class Array(Part):
    type: Node
    size: Node | None

    def left(self, out: Writer) -> None:
        out.left(self.type)

    def right(self, out: Writer) -> None:
        out.add("[" if out.last == "]" else " [")
        if self.size is not None:
            out.show(self.size)
        out.add("]")
        out.right(self.type)

    def is_array(self, out: Writer) -> bool:
        return True


@final
@dataclass(frozen=True, slots=True)
class FunctionType(Part):
    result: Node
    parameters: tuple[Node, ...]
    qualifiers: tuple[Node | str, ...]
    """` const`, ` &`, ` noexcept`."""

    def left(self, out: Writer) -> None:
        out.left(self.result)
        out.add(" ")

    def right(self, out: Writer) -> None:
        out.add("(")
        out.listed(self.parameters)
        out.add(")")
        out.right(self.result)
        out.left(Joined(self.qualifiers))

    def is_function(self, out: Writer) -> bool:
        return True


@final
@dataclass(frozen=True, slots=True)
class Function(Part):
    """A function that other names are in, with its parameters."""

    name: Node
    parameters: tuple[Node, ...]
    qualifiers: str
    arguments: tuple[Node, ...]
    """What its own template is given."""

    def left(self, out: Writer) -> None:
        before = out.arguments, out.in_lambda
        out.in_lambda = False
        out.show(self.name)
        out.arguments = self.arguments
        out.add("(")
        out.listed(self.parameters)
        out.add(")" + self.qualifiers)
        out.arguments, out.in_lambda = before


@final
@dataclass(frozen=True, slots=True)
class Lambda(Part):
    parameters: tuple[Node, ...]
    number: int

    def left(self, out: Writer) -> None:
        before, out.in_lambda = out.in_lambda, True
        out.add("{lambda(")
        out.listed(self.parameters)
        out.add(f")#{self.number}}}")
        out.in_lambda = before


@final
@dataclass(frozen=True, slots=True)
class Braced(Part):
    type: Node
    values: Node

    def left(self, out: Writer) -> None:
        out.show(self.type)
        out.add("{")
        out.show(self.values)
        out.add("}")


SIMPLE: tuple[type[Part], ...] = (Text, Nested, Braced)
"""What operands are without parentheses."""


@final
@dataclass(frozen=True, slots=True)
class Operand(Part):
    node: Node

    def left(self, out: Writer) -> None:
        simple = isinstance(self.node, SIMPLE)
        out.add("" if simple else "(")
        out.show(self.node)
        out.add("" if simple else ")")
