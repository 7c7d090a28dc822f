"""Rust's names, `_RNvNtCs1234_7mycrate3foo3bar`: without the numbers that tell crates of one name apart.

Source: RFC 2603, "Rust Symbol Mangling (v0)"; the rustc book, "v0 Symbol Format".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Final, final

from pyebpf.symbols.demangle.cursor import DIGITS, Cursor
from pyebpf.symbols.demangle.writer import Mangled, Writer

_BASE62: Final = {letter: number for number, letter in enumerate(digits + ascii_lowercase + ascii_uppercase)}
_TYPES: Final = {
    "a": "i8",
    "b": "bool",
    "c": "char",
    "d": "f64",
    "e": "str",
    "f": "f32",
    "h": "u8",
    "i": "isize",
    "j": "usize",
    "l": "i32",
    "m": "u32",
    "n": "i128",
    "o": "u128",
    "p": "_",
    "s": "i16",
    "t": "u16",
    "u": "()",
    "v": "...",
    "x": "i64",
    "y": "u64",
    "z": "!",
}
_SPECIAL: Final = {"C": "closure", "S": "shim"}
"""Names of what compilers made, by their namespaces."""


def rust(text: str) -> tuple[str, int]:
    """A name that begins with `_R`, and where it ends. Raises Mangled."""
    name = _Name(text, 2)
    name.path(True)
    if name.peek() in ascii_uppercase and name.rest:
        with name.silent():
            name.path(False)
    return name.out.text(), name.at


@final
class _Name(Cursor):
    """Written while it is read."""

    def __init__(self, text: str, start: int) -> None:
        super().__init__(text, start)
        self.out = Writer()
        self._silent = False
        self._bound = 0
        """How many lifetimes are known here."""

    def write(self, text: str) -> None:
        if not self._silent:
            self.out.add(text)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Read on, and write nothing."""
        before, self._silent = self._silent, True
        yield
        self._silent = before

    def _base62(self) -> int:
        """`_` is 0, `0_` is 1."""
        if self.skip("_"):
            return 0
        number = 0
        for _ in range(12):
            letter = self.take()
            if letter == "_":
                return number + 1
            if letter not in _BASE62:
                break
            number = number * 62 + _BASE62[letter]
        raise Mangled

    def _optional(self, mark: str) -> int:
        return self._base62() + 1 if self.skip(mark) else 0

    def _identifier(self) -> tuple[str, int]:
        """It, and which of those with its name."""
        number = self._optional("s")
        encoded = self.skip("u")
        length = 0 if self.skip("0") else self.number()
        self.skip("_")
        found = self.take(length)
        return (_decoded(found) if encoded else found), number

    def _again(self, read: Callable[[], None]) -> None:
        """What stands earlier in the name."""
        start = self.at - 1
        place = 2 + self._base62()
        if place >= start:
            raise Mangled
        if not self._silent:
            back, self.at = self.at, place
            read()
            self.at = back

    def path(self, is_value: bool) -> None:
        """`is_value`: what is given to a template is written as in expressions, behind `::`."""
        self._enter()
        match self.take():
            case "C":
                self.write(self._identifier()[0])
            case "N":
                self._nested(is_value)
            case "M":
                self._implementation()
                self.write("<")
                self.type()
                self.write(">")
            case "X":
                self._implementation()
                self._as_trait()
            case "Y":
                self._as_trait()
            case "I":
                self.path(is_value)
                self.write("::<" if is_value else "<")
                self._listed(self._argument)
                self.write(">")
            case "B":
                self._again(lambda: self.path(is_value))
            case _:
                raise Mangled
        self._leave()

    def _enter(self) -> None:
        self.enter()
        self.out.enter()

    def _leave(self) -> None:
        self.out.leave()
        self.leave()

    def _nested(self, is_value: bool) -> None:
        space = self.take()
        self.path(is_value)
        name, number = self._identifier()
        if space in ascii_uppercase:
            kind = _SPECIAL.get(space, space)
            self.write(f"::{{{kind}{':' if name else ''}{name}#{number}}}")
        elif space not in ascii_letters:
            raise Mangled
        elif name:
            self.write("::" + name)

    def _implementation(self) -> None:
        """Where it stands isn't shown."""
        self._optional("s")
        with self.silent():
            self.path(False)

    def _as_trait(self) -> None:
        self.write("<")
        self.type()
        self.write(" as ")
        self.path(False)
        self.write(">")

    def _listed(self, read: Callable[[], None]) -> int:
        """With commas; how many."""
        count = 0
        while not self.skip("E"):
            self.write(", " if count else "")
            read()
            count += 1
        return count

    def _argument(self) -> None:
        if self.skip("L"):
            self._lifetime()
        elif self.skip("K"):
            self._constant()
        else:
            self.type()

    def _lifetime(self) -> None:
        index = self._base62()
        if not index:
            self.write("'_")
        elif index > self._bound:
            raise Mangled
        else:
            self.write(_lifetime_name(self._bound - index))

    @contextmanager
    def _binder(self) -> Iterator[None]:
        """`for<'a, 'b> `."""
        count = self._optional("G")
        if count > 64:
            raise Mangled
        if count:
            self.write(f"for<{', '.join(_lifetime_name(self._bound + number) for number in range(count))}> ")
        self._bound += count
        yield
        self._bound -= count

    def type(self) -> None:
        letter = self.peek()
        if letter in _TYPES and letter:
            self.at += 1
            self.write(_TYPES[letter])
            return
        self._enter()
        if letter in ("C", "N", "M", "X", "Y", "I"):
            self.path(False)
        else:
            self.at += 1
            self._built(letter)
        self._leave()

    def _built(self, letter: str) -> None:
        match letter:
            case "A" | "S":
                self.write("[")
                self.type()
                if letter == "A":
                    self.write("; ")
                    self._constant()
                self.write("]")
            case "T":
                self.write("(")
                self.write(",)" if self._listed(self.type) == 1 else ")")
            case "R" | "Q":
                self.write("&")
                if self.skip("L"):
                    at = self.at
                    if self._base62():
                        self.at = at
                        self._lifetime()
                        self.write(" ")
                self.write("mut " if letter == "Q" else "")
                self.type()
            case "P" | "O":
                self.write("*const " if letter == "P" else "*mut ")
                self.type()
            case "F":
                with self._binder():
                    self._function()
            case "D":
                self._dynamic()
            case "B":
                self._again(self.type)
            case _:
                raise Mangled

    def _function(self) -> None:
        self.write("unsafe " if self.skip("U") else "")
        if self.skip("K"):
            abi = "C" if self.skip("C") else self._identifier()[0].replace("_", "-")
            self.write(f'extern "{abi}" ')
        self.write("fn(")
        self._listed(self.type)
        self.write(")")
        if not self.skip("u"):
            self.write(" -> ")
            self.type()

    def _dynamic(self) -> None:
        self.write("dyn ")
        with self._binder():
            first = True
            while not self.skip("E"):
                self.write("" if first else " + ")
                self._trait()
                first = False
        self.need("L")
        at = self.at
        if self._base62():
            self.at = at
            self.write(" + ")
            self._lifetime()

    def _trait(self) -> None:
        """With the types that are said to be its own: `Iterator<Item = u8>`."""
        is_open = self._open_path()
        while self.skip("p"):
            self.write(", " if is_open else "<")
            is_open = True
            self.write(self._identifier()[0] + " = ")
            self.type()
        self.write(">" if is_open else "")

    def _open_path(self) -> bool:
        """A path; whether it has arguments, whose closing bracket isn't written yet."""
        self._enter()
        found = [False]
        if self.skip("B"):

            def read() -> None:
                found[0] = self._open_path()

            self._again(read)
        elif self.skip("I"):
            self.path(False)
            self.write("<")
            self._listed(self._argument)
            found[0] = True
        else:
            self.path(False)
        self._leave()
        return found[0]

    def _constant(self) -> None:
        self._enter()
        letter = self.take()
        match letter:
            case "p":
                self.write("_")
            case "B":
                self._again(self._constant)
            case "b":
                self.write({"0": "false", "1": "true"}.get(self._hexadecimal(), "?"))
            case "c":
                self.write(_character(self._hexadecimal()))
            case "a" | "h" | "i" | "j" | "l" | "m" | "n" | "o" | "s" | "t" | "x" | "y":
                sign = "-" if self.skip("n") else ""
                self.write(sign + _decimal(self._hexadecimal()))
            case _:
                raise Mangled
        self._leave()

    def _hexadecimal(self) -> str:
        start = self.at
        while self.take() in DIGITS + "abcdef":
            pass
        if self.text[self.at - 1] != "_":
            raise Mangled
        return self.text[start : self.at - 1].lstrip("0") or "0"


def _lifetime_name(number: int) -> str:
    return "'" + ascii_lowercase[number] if number < 26 else f"'_{number}"


def _decimal(digits: str) -> str:
    return str(int(digits, 16)) if len(digits) <= 16 else "0x" + digits


def _character(digits: str) -> str:
    if len(digits) > 6 or int(digits, 16) >= 0x110000:
        raise Mangled
    return repr(chr(int(digits, 16)))


def _decoded(text: str) -> str:
    """Punycode, with `_` before what stands for other letters."""
    plain, _, others = text.rpartition("_")
    try:
        return (plain + "-" * bool(plain) + others).encode("ascii").decode("punycode")
    except ValueError as error:
        raise Mangled from error
