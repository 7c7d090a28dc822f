"""Types in C++ names.

Source: the Itanium C++ ABI, "Type encodings".
"""

from __future__ import annotations

from pyebpf.symbols.demangle.cursor import DIGITS
from pyebpf.symbols.demangle.nodes import (
    Array,
    Expansion,
    FunctionType,
    Joined,
    Pointer,
    Qualified,
    Reference,
    Template,
    Text,
)
from pyebpf.symbols.demangle.reader import Reader
from pyebpf.symbols.demangle.tables import BUILTIN, LONGER
from pyebpf.symbols.demangle.writer import Mangled, Node


class Types(Reader):
    """What its heirs share."""

    may_have_arguments = True
    """Whether a parameter's own arguments may follow it: not in the type of a conversion, whose these are."""

    def type(self) -> Node:
        letter = self.peek()
        if letter in BUILTIN and letter:
            self.at += 1
            return Text(BUILTIN[letter])
        self.enter()
        match letter:
            case "r" | "V" | "K":
                found = self._qualified()
            case "U" if self.peek(2)[1:] not in ("l", "t"):
                found = self._vendor_qualified()
            case "P" | "R" | "O" | "C" | "G":
                found = self.known(self._of_one())
            case "S" if self.peek(2) != "St":
                found = self.substitution()
                if self.peek() == "I" and (self.may_have_arguments or not self._is_parameter(found)):
                    found = self.known(Template(found, self.arguments()))
            case "T" if self.peek(2) not in ("Ts", "Tu", "Te"):
                found = self.known(self.parameter())
                if self.may_have_arguments and self.peek() == "I":
                    found = self.known(Template(found, self.arguments()))
            case "D":
                found = self._longer()
            case "F" | "A" | "M" | "u":
                found = self.known(self._of_several())
            case _:
                if letter == "T":
                    self.at += 2
                found = self.known(self.name())
        self.leave()
        return found

    def _is_parameter(self, node: Node) -> bool:
        return self.forwards is not None and any(node is each for each in self.forwards)

    def _qualified(self) -> Node:
        before = self.at
        qualifiers = self.qualifiers()
        if self.peek() == "F" or self.peek(2) in ("Do", "DO", "Dw", "Dx"):
            return self.known(self._function(qualifiers))
        if self.at == before:
            raise Mangled
        return self.known(Qualified(self.type(), qualifiers))

    def _vendor_qualified(self) -> Node:
        self.need("U")
        name = self.source_name()
        if self.peek() == "I":
            name = Template(name, self.arguments())
        return self.known(Joined((self.type(), " ", name)))

    def _of_one(self) -> Node:
        match self.take():
            case "P":
                return Pointer(self.type())
            case "R":
                return Reference(self.type(), "&")
            case "O":
                return Reference(self.type(), "&&")
            case "C":
                return Qualified(self.type(), " _Complex")
            case _:
                return Qualified(self.type(), " _Imaginary")

    def _of_several(self) -> Node:
        match self.peek():
            case "F":
                return self._function("")
            case "A":
                return self._array()
            case "M":
                self.at += 1
                scope = self.type()
                return Pointer(self.type(), scope)
            case _:
                self.at += 1
                name = self.source_name()
                return Template(name, self.arguments()) if self.peek() == "I" else name

    def _array(self) -> Node:
        self.need("A")
        size: Node | None = None
        if self.peek() in DIGITS:
            size = Text(self.digits())
        elif self.peek() != "_":
            size = self.expression()
        self.need("_")
        return Array(self.type(), size)

    def _function(self, qualifiers: str) -> Node:
        behind: list[Node | str] = [qualifiers]
        if self.skip("Do"):
            behind.append(" noexcept")
        elif self.skip("DO"):
            behind += [" noexcept(", self.expression(), ")"]
            self.need("E")
        elif self.skip("Dw"):
            behind.append(" throw(")
            for number, type in enumerate(self.types("E")):
                behind += [", " if number else "", type]
            behind.append(")")
            self.need("E")
        if self.skip("Dx"):
            behind.insert(1, " transaction_safe")
        self.need("F")
        self.skip("Y")
        result = self.type()
        if self.skip("v"):
            parameters: tuple[Node, ...] = ()
        else:
            found = []
            while self.peek() != "E" and self.peek(2) not in ("RE", "OE"):
                found.append(self.type())
            parameters = tuple(found)
        behind.append(self.reference())
        self.need("E")
        return FunctionType(result, parameters, tuple(behind))

    def _longer(self) -> Node:
        """What begins with a `D`."""
        letter = self.peek(2)[1:]
        if letter in LONGER and letter:
            self.at += 2
            return Text(LONGER[letter])
        match letter:
            case "p":
                self.at += 2
                return self.known(Expansion(self.type()))
            case "t" | "T":
                return self.known(self.decltype())
            case "v":
                self.at += 2
                return self.known(self._vector())
            case "o" | "O" | "w" | "x":
                return self.known(self._function(""))
            case "F":
                self.at += 2
                bits, kind = self.digits(), self.take()
                if kind not in ("_", "x", "b"):
                    raise Mangled
                return Text(f"_Float{bits}{kind.strip('_')}" if kind != "b" else "std::bfloat16_t")
            case "B" | "U":
                self.at += 2
                width = Text(self.digits()) if self.peek() in DIGITS else self.expression()
                self.need("_")
                return Joined(("unsigned _BitInt(" if letter == "U" else "_BitInt(", width, ")"))
            case _:
                raise Mangled

    def decltype(self) -> Node:
        """The type of an expression."""
        self.at += 2
        inner = self.expression()
        self.need("E")
        return Joined(("decltype (", inner, ")"))

    def _vector(self) -> Node:
        if self.skip("_"):
            size = self.expression()
        else:
            size = Text(self.digits())
        self.need("_")
        return Joined((self.type(), " __vector(", size, ")"))
