"""Text and integers as Python's objects: what fits where, and what of them there is. Codes E0450 to E0469."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class TextMayNotFit(Diagnostic):
    code: ClassVar = "E0450"
    title: ClassVar = "text of up to {most} bytes may not fit char[{length}]"
    notes: ClassVar = ("text that is cut off would be other text; where that is meant, say so",)
    help: ClassVar = "char[{length}]({whole})"
    explanation: ClassVar = """
    As a number goes into a narrower place only if it surely fits, so does text. A conversion keeps what fits of it,
    in whole characters.

        event.short: char[8]
        event.short = comm()              # wrong: comm() has up to 16 bytes
        event.short = char[8](comm())     # right
        event.label = f"{comm()}:{pid()}"             # right if label has 16 + 1 + 10 bytes
    """

    most: int
    length: int
    source: str

    @property
    def whole(self) -> str:
        """What makes the text: of `a += b` it is `a + b`."""
        return self.source.replace(" += ", " + ", 1)


@final
@dataclass(frozen=True, slots=True)
class NoTextMethod(Diagnostic):
    code: ClassVar = "E0451"
    title: ClassVar = "text in a probe has no `{name}`"
    notes: ClassVar = ("{why}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Of the methods of str, probes have those whose work has a bound and needs no tables of characters: `startswith`,
    `endswith`, `find`, `rfind`, `index`, `rindex`, `count`; and there are `in`, slices, indexes, comparisons, `len`,
    `+` and f-strings.

        if name.lower() == "bash":              # wrong
        if name in ("bash", "Bash", "BASH"):    # right
    """

    name: str
    why: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class SoughtTooLong(Diagnostic):
    code: ClassVar = "E0452"
    title: ClassVar = "what is looked for in text may have up to {size} bytes"
    notes: ClassVar = ("a window of at most {limit} bytes moves over the text",)
    help: ClassVar = "char[{limit}]({source})"
    explanation: ClassVar = """
    `in`, `find`, `endswith` and the like compare a window of the text with what is looked for. It lies in the
    processor's registers, of which there are few.

        if event.pattern in event.path:             # wrong if pattern is char[64]
        if char[32](event.pattern) in event.path:   # right: looks for its first 32 bytes
    """

    size: int
    limit: int
    source: str


@final
@dataclass(frozen=True, slots=True)
class BadTextFormat(Diagnostic):
    code: ClassVar = "E0453"
    title: ClassVar = "{what} can't be written with the format `{spec}` in the kernel"
    notes: ClassVar = ("{why}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Text that is made in the kernel knows these formats: for integers `d`, `x`, `X`, `o` and `b` with fill, alignment,
    sign, `#`, `0` and width; for text fill, alignment, width and precision. What `print` shows is formatted in user
    space, where every format of Python is there.

        event.label = f"{size:,}"       # wrong
        event.label = f"{size:>12}"     # right
    """

    what: str
    spec: str
    why: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NotText(Diagnostic):
    code: ClassVar = "E0454"
    title: ClassVar = "{what} can't be made text in the kernel"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    An f-string that is stored, `str(x)` and `+` make text of integers, bools and text. Addresses and structs have a
    form as text only in user space.

        event.label = f"{ip.saddr}"     # wrong
        event.source = ip.saddr         # right: a field of type IPv4Address
        print(f"{ip.saddr}")            # right: formatted in user space
    """

    what: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class SliceStep(Diagnostic):
    code: ClassVar = "E0455"
    title: ClassVar = "a slice of text has no step"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    `text[start:stop]` is available, with bounds that may be negative or missing; a step is not.

        name[::2]       # wrong
        name[2:]        # right
    """

    hint: str


@final
@dataclass(frozen=True, slots=True)
class NotOneCharacter(Diagnostic):
    code: ClassVar = "E0456"
    title: ClassVar = "`ord` takes one character, and {given} is not"
    help: ClassVar = "ord({given}[0])"
    explanation: ClassVar = """
    `ord` takes one character: constant text of that length, what an index gives, or a name of a loop over text. Of
    other text it is known only when the probe runs: TypeError, as in Python, if it isn't one.

        ord("ab")       # wrong
        ord(name[0])    # right: IndexError if name is empty
    """

    given: str


@final
@dataclass(frozen=True, slots=True)
class NotParsed(Diagnostic):
    code: ClassVar = "E0457"
    title: ClassVar = "text can't be read as a number in the kernel"
    notes: ClassVar = ("Python's int() takes spaces, underscores and the digits of every script",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Numbers in text are read in user space. Of single characters `ord` gives the number.

        level = int(event.text)             # wrong
        digit = ord(event.text[0]) - 48     # right, for one digit
    """

    hint: str


@final
@dataclass(frozen=True, slots=True)
class SoughtNotConstant(Diagnostic):
    code: ClassVar = "E0458"
    title: ClassVar = "`count` takes constant text"
    notes: ClassVar = ("how far it moves on after each find must be known",)
    help: ClassVar = '{source}.count("/")'
    explanation: ClassVar = """
    `text.count(x)` counts what doesn't overlap, and so moves on by the length of x, which must be constant.

        name.count(event.separator)     # wrong
        name.count("/")                 # right
    """

    source: str


@final
@dataclass(frozen=True, slots=True)
class TextUnchanging(Diagnostic):
    code: ClassVar = "E0459"
    title: ClassVar = "text can't be changed in part"
    notes: ClassVar = ("Python's text never changes; a name or a field is given other text",)
    help: ClassVar = "{source} = {source}[1:]"
    explanation: ClassVar = """
    A str of Python has no item assignment. Make new text out of parts of the old one.

        name[0] = "x"               # wrong
        name = "x" + name[1:]       # right
    """

    source: str


@final
@dataclass(frozen=True, slots=True)
class NotAMember(Diagnostic):
    code: ClassVar = "E0460"
    title: ClassVar = "{value} is not a member of {enum}"
    notes: ClassVar = ("its members are {members}",)
    explanation: ClassVar = """
    `Action(n)` is the member with the value n. Python raises ValueError if there is none; a constant that is none is
    an error at once. Of other values it is found out when the program runs.

        action = Action(9)              # wrong, if no member has the value 9
        action = Action(event.code)     # right: ValueError if there is no such member
        if event.code in Action:        # tests it first
    """

    value: int
    enum: str
    members: str
