"""Expressions in C++ names: values that templates are given, and what types are worked out from.

Source: the Itanium C++ ABI, "Expressions".
"""

from __future__ import annotations

from pyebpf.symbols.demangle.cursor import DIGITS
from pyebpf.symbols.demangle.nodes import Braced, Expansion, Function, Joined, Nested, Operand, Template, Text
from pyebpf.symbols.demangle.tables import (
    AROUND,
    BINARY,
    CASTS,
    OF_EXPRESSIONS,
    OF_TYPES,
    SUFFIXES,
    UNARY,
)
from pyebpf.symbols.demangle.types import Types
from pyebpf.symbols.demangle.writer import Mangled, Node


class Expressions(Types):
    """What its heirs share."""

    scopes_are_types = False
    """Whether scopes in expressions can come again as types, as GCC has it; by the rules they can't."""

    def expression(self) -> Node:
        self.enter()
        start = self.peek(2)
        if start[0:1] == "L":
            found = self.primary()
        elif start[0:1] == "T":
            found = self.parameter()
        elif start == "fp" or (start == "fL" and self.peek(3)[2:] in tuple(DIGITS)):
            found = self._parameter_of_function()
        elif start in ("sr", "on", "dn", "gs") or start[0:1] in tuple(DIGITS):
            found = self._unresolved()
        else:
            self.take(2)
            found = self._by_operator(start)
        self.leave()
        return found

    def expressions(self, end: str = "E") -> Node:
        """With commas."""
        parts: list[Node | str] = []
        while not self.skip(end):
            parts += [", " if parts else "", self.expression()]
        return Joined(tuple(parts))

    def _parameter_of_function(self) -> Node:
        self.take()
        if self.take() == "L":
            self.number()
            self.need("p")
        elif self.skip("T"):
            return Text("this")
        self.qualifiers()
        return Text(f"{{parm#{self.counted() + 1}}}")

    def _by_operator(self, code: str) -> Node:
        if code in BINARY:
            parts = Operand(self.expression()), BINARY[code], Operand(self.expression())
            return Joined(("(", *parts, ")") if code == "gt" else parts)
        if code in UNARY:
            return self._unary(code)
        if code in AROUND:
            if self.skip("_"):
                return Joined((AROUND[code], Operand(self.expression())))
            return Joined((Operand(self.expression()), AROUND[code]))
        if code in CASTS:
            return Joined((CASTS[code], "<", self.type(), ">(", self.expression(), ")"))
        if code in OF_TYPES:
            return Joined((OF_TYPES[code], self.type(), ")"))
        if code in OF_EXPRESSIONS:
            return Joined((OF_EXPRESSIONS[code], "(", self.expression(), ")"))
        return self._other(code)

    def _unary(self, code: str) -> Node:
        operand = self.expression()
        if code == "ad" and isinstance(operand, Function) and isinstance(operand.name, Nested):
            operand = operand if operand.qualifiers else operand.name
        return Joined((UNARY[code], Operand(operand)))

    def _other(self, code: str) -> Node:
        match code:
            case "cl":
                return Joined((Operand(self.expression()), "(", self.expressions(), ")"))
            case "cv":
                type = self.type()
                return Joined(("(", type, ")(", self.expressions() if self.skip("_") else self.expression(), ")"))
            case "tl":
                return Braced(self.type(), self.expressions())
            case "il":
                return Braced(Text(""), self.expressions())
            case "dt" | "pt":
                return Joined((Operand(self.expression()), "." if code == "dt" else "->", self.expression()))
            case "ix":
                return Joined((Operand(self.expression()), "[", self.expression(), "]"))
            case "qu":
                first, second, third = (Operand(self.expression()) for _ in range(3))
                return Joined((first, "?", second, " : ", third))
            case "sZ" | "sP":
                return Joined(("sizeof...(", self._packed() if code == "sP" else self.expression(), ")"))
            case "sp":
                return Expansion(self.expression())
            case "tw":
                return Joined(("throw ", self.expression()))
            case "tr":
                return Text("throw")
            case "fl" | "fr" | "fL" | "fR":
                return self._fold(code)
            case "nw" | "na":
                return self._new(code)
            case "dl" | "da":
                return Joined(("delete " if code == "dl" else "delete[] ", self.expression()))
            case _:
                raise Mangled

    def _packed(self) -> Node:
        parts: list[Node | str] = []
        while not self.skip("E"):
            parts += [", " if parts else "", self.argument()]
        return Joined(tuple(parts))

    def _fold(self, code: str) -> Node:
        sign = BINARY.get(self.take(2))
        if sign is None:
            raise Mangled
        first = Operand(self.expression())
        match code:
            case "fl":
                return Joined(("(...", sign, first, ")"))
            case "fr":
                return Joined(("(", first, sign, "...)"))
            case _:
                return Joined(("(", first, sign, "...", sign, Operand(self.expression()), ")"))

    def _new(self, code: str) -> Node:
        place = self.expressions("_")
        type = self.type()
        parts: tuple[Node | str, ...] = ("new[] " if code == "na" else "new ", "(", place, ") ", type)
        if self.skip("pi"):
            return Joined((*parts, "(", self.expressions(), ")"))
        self.need("E")
        return Joined(parts)

    def _unresolved(self) -> Node:
        """A name whose meaning depends on a template's arguments."""
        everywhere = self.skip("gs")
        if everywhere and self.peek(2) in ("nw", "na", "dl", "da"):
            return Joined(("::", self._by_operator(self.take(2))))
        scope: Node | None = None
        if self.scopes_are_types and self.skip("sr"):
            scope = self.type()
        elif self.skip("srN"):
            scope = self.type()
            while not self.skip("E"):
                scope = Nested(scope, self._with_its_arguments(self.source_name()))
        elif self.skip("sr"):
            if self.peek() in DIGITS:
                scope = self._with_its_arguments(self.source_name())
                while not self.skip("E"):
                    scope = Nested(scope, self._with_its_arguments(self.source_name()))
            else:
                scope = self.type()
        if self.skip("dn"):
            base: Node = Joined(("~", self.source_name() if self.peek() in DIGITS else self.type()))
        elif self.skip("on") or self.peek() not in DIGITS:
            base = self.operator(None)
        else:
            base = self.source_name()
        found = self._with_its_arguments(base)
        found = found if scope is None else Nested(scope, found)
        return Joined(("::", found)) if everywhere else found

    def _with_its_arguments(self, name: Node) -> Node:
        return Template(name, self.arguments()) if self.peek() == "I" else name

    def primary(self) -> Node:
        """A value."""
        self.need("L")
        if self.skip("_Z") or self.peek() == "Z":
            self.skip("Z")
            found = self.encoding()
            self.need("E")
            return found
        type = self.type()
        name = type.text if isinstance(type, Text) else ""
        start = self.at
        while not self.skip("E"):
            self.take()
        value = self.text[start : self.at - 1]
        value = "-" + value[1:] if value.startswith("n") else value
        if name == "bool" and value in ("0", "1"):
            return Joined(("true" if value == "1" else "false",))
        if name in SUFFIXES:
            return Joined((value + SUFFIXES[name],))
        return Joined(("(", type, ")", value))
