"""C++ names of functions and variables.

Source: the Itanium C++ ABI, "External Names (a.k.a. Mangling)".
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.symbols.demangle.cursor import DIGITS
from pyebpf.symbols.demangle.expressions import Expressions
from pyebpf.symbols.demangle.nodes import Function, Joined, Lambda, Nested, Tagged, Template, Text
from pyebpf.symbols.demangle.reader import BASE36, State
from pyebpf.symbols.demangle.tables import OF_NAMES, OPERATORS, SPECIAL
from pyebpf.symbols.demangle.writer import Mangled, Node, Writer


def cplusplus(text: str) -> tuple[str, int]:
    """A name that begins with `_Z`, without the parameters of the function itself; and where it ends. Raises
    Mangled."""
    names = Names(text, 2)
    try:
        found = names.encoding()
    except Mangled:
        if "srN" not in text:
            raise
        names = Names(text, 2)
        names.scopes_are_types = True
        found = names.encoding()
    out = Writer()
    out.show(found.name if isinstance(found, Function) else found)
    return out.text(), names.at


ENDS: Final = "E.@"
"""Behind a name: that of a scope goes on there, or what was made of the function is told."""


@final
class Names(Expressions):
    def encoding(self) -> Node:
        self.enter()
        with self.another_function():
            found = self._special() or self._function_or_data()
        self.leave()
        return found

    def _function_or_data(self) -> Node:
        state = State()
        name = self.name(state)
        for forward in state.forwards:
            if not self.levels or forward.index >= len(self.levels[0]):
                raise Mangled
            forward.node = self.levels[0][forward.index]
        if not self.rest or self.peek() in ENDS:
            return name
        if state.has_arguments and not state.has_no_result:
            self.type()
        parameters = self.types(ENDS + "Q")
        if self.skip("Q"):
            self.expression()
        given = tuple(self.levels[0]) if state.has_arguments and self.levels else ()
        return Function(name, parameters, state.qualifiers, given)

    def name(self, state: State | None = None) -> Node:
        self.enter()
        match self.peek():
            case "N":
                found = self._nested(state)
            case "Z":
                found = self._local(state)
            case "S" if self.peek(2) != "St":
                found = self._with_arguments(self.substitution(), state)
            case _:
                found = self._unscoped(state)
        self.leave()
        return found

    def _with_arguments(self, name: Node, state: State | None) -> Node:
        if self.peek() != "I":
            raise Mangled
        found = Template(name, self.arguments(state))
        if state is not None:
            state.has_arguments = True
        return found

    def _unscoped(self, state: State | None) -> Node:
        standard = self.skip("St")
        found = self.unqualified(state)
        if standard:
            found = Nested(Text("std"), found)
        return self._with_arguments(self.known(found), state) if self.peek() == "I" else found

    def _nested(self, state: State | None) -> Node:
        self.need("N")
        self.skip("H")
        qualifiers = self.qualifiers() + self.reference()
        found: Node | None = None
        while not self.skip("E"):
            if state is not None:
                state.has_arguments = False
            found = self._longer_by_one(found, state)
            self.skip("M")
        if found is None or not self.parts:
            raise Mangled
        if state is not None:
            state.qualifiers = qualifiers
        if self.parts[-1] is found:
            self.parts.pop()  # it may come again as a type, or not at all
        return found

    def _longer_by_one(self, scope: Node | None, state: State | None) -> Node:
        """A name in a scope, or the scope's arguments; or what names begin with."""
        start = self.peek(2)
        if scope is None:
            if start == "St":
                self.at += 2
                return self.known(Nested(Text("std"), self.unqualified(state)))
            if start[0:1] == "S":
                return self.substitution()
            if start[0:1] == "T":
                return self.known(self.parameter())
            if start in ("Dt", "DT"):
                return self.known(self.decltype())
            return self.known(self.unqualified(state))
        if start[0:1] == "I":
            return self.known(self._with_arguments(scope, state))
        if start[0:1] in ("C", "D") and start[1:] in tuple("I012345"):
            return self.known(Nested(scope, self._structor(scope, state)))
        return self.known(Nested(scope, self.unqualified(state)))

    def _structor(self, scope: Node, state: State | None) -> Node:
        """A constructor or destructor: called as the class is, without its arguments."""
        if state is not None:
            state.has_no_result = True
        letter = self.take()
        inherited = letter == "C" and self.skip("I")
        if self.take() not in "012345":
            raise Mangled
        base = self.type() if inherited else scope
        while isinstance(base, (Nested, Template, Tagged)):
            base = base.name
        if isinstance(base, Text):
            base = Text(base.text.partition("<")[0].rpartition("::")[2])
        return self._tagged(base if letter == "C" else Joined(("~", base)))

    def _tagged(self, found: Node) -> Node:
        while self.skip("B"):
            found = Tagged(found, self.source_name())
        return found

    def unqualified(self, state: State | None) -> Node:
        self.skip("L")  # known in its file alone
        start = self.peek(2)
        if start[0:1] in DIGITS:
            found = self.source_name()
        elif start in ("Ut", "Ul"):
            found = self._unnamed()
        elif start == "DC":
            self.at += 2
            found = self._binding()
        else:
            found = self.operator(state)
        return self._tagged(found)

    def _binding(self) -> Node:
        parts: list[Node | str] = []
        while not self.skip("E"):
            parts += [", " if parts else "[", self.source_name()]
        return Joined((*parts, "]"))

    def _unnamed(self) -> Node:
        self.need("U")
        if self.take() == "t":
            return Text(f"{{unnamed type#{self.counted() + 1}}}")
        before, self.in_lambda = self.in_lambda, True
        while self.declaration():
            pass
        parameters = self.types("E")
        self.in_lambda = before
        self.need("E")
        return Lambda(parameters, self.counted() + 1)

    def operator(self, state: State | None) -> Node:
        code = self.take(2)
        if code in OPERATORS:
            return Text("operator" + OPERATORS[code])
        if code == "li":
            return Joined(('operator"" ', self.source_name()))
        if code == "cv":
            return Joined(("operator ", self._converted(state)))
        raise Mangled

    def _converted(self, state: State | None) -> Node:
        """The type of a conversion. Arguments that it refers to come later: they are put in when they are known."""
        if state is None:
            return self.type()
        state.has_no_result = True
        self.may_have_arguments, self.forwards = False, state.forwards
        found = self.type()
        self.may_have_arguments, self.forwards = True, None
        return found

    def _local(self, state: State | None) -> Node:
        """What is in a function."""
        self.need("Z")
        function = self.encoding()
        self.need("E")
        if self.skip("s"):
            self._discriminator()
            return Nested(function, Text("string literal"))
        if self.skip("d"):
            number = self.counted() + 1
            return Nested(function, Nested(Text(f"{{default arg#{number}}}"), self.name(state)))
        found = Nested(function, self.name(state))
        self._discriminator()
        return found

    def _discriminator(self) -> None:
        """Of several with that name in one function; it isn't shown."""
        if self.skip("__"):
            self.number()
            self.need("_")
        elif self.peek() == "_" and self.peek(2)[1:] in tuple(DIGITS):
            self.at += 2

    def _special(self) -> Node | None:
        """What compilers make for functions and classes; None if it isn't such."""
        start = self.peek(2)
        if start in SPECIAL:
            self.at += 2
            return Joined((SPECIAL[start], self.argument() if start == "TA" else self.type()))
        if start == "GT":
            start = self.peek(3)
        if start in OF_NAMES:
            self.at += len(start)
            return Joined((OF_NAMES[start], self.encoding() if start[:2] == "GT" else self.name()))
        match start:
            case "Th" | "Tv" | "Tc":
                self.at += 1
                return self._thunk()
            case "TC":
                self.at += 2
                outer = self.type()
                self.number()
                self.need("_")
                return Joined(("construction vtable for ", self.type(), "-in-", outer))
            case "GR":
                self.at += 2
                name = self.name()
                number = self.counted(BASE36) if self.rest else 0
                return Joined((f"reference temporary #{number} for ", name))
            case _:
                return None

    def _thunk(self) -> Node:
        kind = self.peek()
        if kind == "c":
            self.at += 1
            self._offset()
        self._offset()
        text = {"h": "non-virtual thunk to ", "v": "virtual thunk to ", "c": "covariant return thunk to "}[kind]
        return Joined((text, self.encoding()))

    def _offset(self) -> None:
        """How far from an object another of its classes lies."""
        for _ in range({"h": 1, "v": 2}.get(self.take(), 0)):
            self.skip("n")
            self.number()
            self.need("_")
