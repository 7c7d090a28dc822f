"""What all of C++ names has in common: parts that are named again, and parameters of templates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from string import ascii_uppercase, digits
from typing import Final, final

from pyebpf.symbols.demangle.cursor import DIGITS, Cursor
from pyebpf.symbols.demangle.nodes import ArgumentPack, Arguments, Forward, Pack, Parameter, Text
from pyebpf.symbols.demangle.tables import STANDARD, WHOLE
from pyebpf.symbols.demangle.writer import Mangled, Node

BASE36: Final = digits + ascii_uppercase


@final
class State:
    """What is known of a function when its name was read."""

    def __init__(self) -> None:
        self.has_arguments = False
        """Whether its name ends with a template's arguments: then its result is told."""
        self.has_no_result = False
        """As constructors, destructors and conversions."""
        self.qualifiers = ""
        self.forwards: list[Forward] = []


class Reader(Cursor):
    """What its heirs share."""

    def __init__(self, text: str, start: int) -> None:
        super().__init__(text, start)
        self.parts: list[Node] = []
        """Those that `S_`, `S0_` stand for."""
        self.levels: list[list[Node]] = []
        """Arguments of templates, that `T_`, `T0_`, `TL0__` stand for."""
        self.in_lambda = False
        """While its parameters are read: those of templates are its own then, and not given."""
        self.forwards: list[Forward] | None = None
        """While the type of a conversion is read."""

    # what the heirs have

    def type(self) -> Node:
        raise NotImplementedError

    def name(self, state: State | None = None) -> Node:
        raise NotImplementedError

    def unqualified(self, state: State | None) -> Node:
        raise NotImplementedError

    def operator(self, state: State | None) -> Node:
        raise NotImplementedError

    def expression(self) -> Node:
        raise NotImplementedError

    def primary(self) -> Node:
        raise NotImplementedError

    def encoding(self) -> Node:
        raise NotImplementedError

    # what is shared

    def known(self, node: Node) -> Node:
        """The same; it may come again, as a number."""
        self.parts.append(node)
        return node

    def source_name(self) -> Node:
        found = self.take(self.number())
        if found.startswith("_GLOBAL_") and found[8:10] in ("_N", ".N", "$N"):
            return Text("(anonymous namespace)")
        return Text(found)

    def counted(self, digits: str = DIGITS) -> int:
        """`_` is 0, `0_` is 1."""
        start = self.at
        while self.peek() != "_":
            if self.take() not in digits or self.at - start > 8:
                raise Mangled
        self.at += 1
        written = self.text[start : self.at - 1]
        return int(written, len(digits)) + 1 if written else 0

    def substitution(self) -> Node:
        """What came before, or a name that is very common."""
        self.need("S")
        letter = self.peek()
        if letter in STANDARD and letter:
            self.at += 1
            if letter in WHOLE and self.peek() in ("C", "D"):
                return Text(WHOLE[letter])
            return Text(STANDARD[letter])
        number = self.counted(BASE36)
        if number >= len(self.parts):
            raise Mangled
        return self.parts[number]

    def parameter(self) -> Node:
        """A template's: what is given for it, if that is known by now."""
        self.need("T")
        level = 0
        if self.skip("L"):
            level = self.counted() + 1
        index = self.counted()
        if self.forwards is not None and not level:
            forward = Forward(index)
            self.forwards.append(forward)
            return forward
        if not self.in_lambda and level < len(self.levels) and index < len(self.levels[level]):
            return Parameter(index, self.levels[level][index])
        if self.in_lambda:
            return Parameter(index, None)
        raise Mangled

    def arguments(self, state: State | None = None) -> Arguments:
        """Those of a template; with a state those of the function itself, which its parameters may refer to."""
        self.need("I")
        given: list[Node] = []
        found: list[Node] = []
        if state is not None:
            self.levels = [given]
        while not self.skip("E"):
            if self.skip("Q"):
                self.expression()
                self.need("E")
                break
            argument = self.argument()
            found.append(argument)
            given.append(Pack(argument.nodes) if isinstance(argument, ArgumentPack) else argument)
        return Arguments(tuple(found))

    def declaration(self) -> bool:
        """Of a template's parameter, before its argument, where that doesn't say all; whether there was one."""
        if self.skip("Ty"):
            return True
        if self.skip("Tn"):
            self.type()
            return True
        if self.skip("Tp"):
            return self.declaration()
        return False

    def argument(self) -> Node:
        """A template's: a type, a value, a pack of them."""
        self.enter()
        self.declaration()
        match self.peek():
            case "X":
                self.at += 1
                found = self.expression()
                self.need("E")
            case "J":
                self.at += 1
                nodes = []
                while not self.skip("E"):
                    nodes.append(self.argument())
                found = ArgumentPack(tuple(nodes))
            case "L":
                found = self.primary()
            case _:
                found = self.type()
        self.leave()
        return found

    def types(self, ends: str) -> tuple[Node, ...]:
        """Of parameters, up to one of these characters or the end."""
        found: list[Node] = []
        if self.skip("v"):
            return ()
        while self.rest and self.peek() not in ends:
            found.append(self.type())
        return tuple(found)

    def qualifiers(self) -> str:
        """` const volatile`."""
        known = ("r", " restrict"), ("V", " volatile"), ("K", " const")
        return "".join(reversed([text for letter, text in known if self.skip(letter)]))

    def reference(self) -> str:
        """That a method is for."""
        return " &" if self.skip("R") else " &&" if self.skip("O") else ""

    @contextmanager
    def another_function(self) -> Iterator[None]:
        """Its parameters of templates are its own."""
        before = self.levels, self.in_lambda, self.forwards
        self.levels, self.in_lambda, self.forwards = [], False, None
        yield
        self.levels, self.in_lambda, self.forwards = before
