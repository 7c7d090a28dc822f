"""What a diagnostic is. The messages themselves are the other modules of this folder; `render` shows them."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from pyebpf.records import dataclass
from pyebpf.source import Span

ERROR, WARNING = 1, 2
"""Severities, with the numbers of the Language Server Protocol."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A user's mistake; with a code of W a warning, of what is legal and suspect.

    Subclasses are final, give the texts, and add the fields that the texts name in braces.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    """One sentence, no full stop. May name fields in braces, as the other texts may."""
    label: ClassVar[str] = ""
    """Stands behind the carets."""
    notes: ClassVar[tuple[str, ...]] = ()
    """Why: what Python or the kernel needs."""
    help: ClassVar[str] = ""
    """What to write instead; valid code wherever possible. An empty result is left out."""
    explanation: ClassVar[str] = ""
    """The long form for `pyebpf explain CODE`, in Markdown, with a wrong and a right example."""

    span: Span

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        """Other places that the mistake is about, and what each of them is."""
        return ()

    @property
    def severity(self) -> int:
        return WARNING if self.code.startswith("W") else ERROR

    def text(self, template: str) -> str:
        """`template` with this diagnostic's fields filled in."""
        return template.format_map(_Fields(self))


def article(word: str) -> str:
    """`word` with "a" or "an" before it, by its sound: "an xdp", "an lsm", "an integer", "a u32"."""
    return f"{'an' if word[:1] in 'aeioAEIO' or word.startswith(('xdp', 'lsm')) else 'a'} {word}"


def pretty(number: int) -> str:
    """A number as people write it: `2**64 - 1`."""
    if abs(number) >= 1 << 16:
        bits = abs(number).bit_length()
        sign = "-" if number < 0 else ""
        if abs(number) == 1 << (bits - 1):
            return f"{sign}2**{bits - 1}"
        if abs(number) == (1 << bits) - 1:
            return f"2**{bits} - 1" if not sign else f"-(2**{bits} - 1)"
    return str(number)


class _Fields(dict[str, Any]):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__()
        self.diagnostic = diagnostic

    def __missing__(self, name: str) -> Any:
        return getattr(self.diagnostic, name)


class Error(Exception):
    """Base of every error that pyebpf raises on purpose."""


class CompileError(Error):
    """The probe is wrong. `diagnostics` has everything that was found, in source order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics)

    def __str__(self) -> str:
        from pyebpf.diagnostics.render import render_plain  # only when somebody looks

        return "\n" + render_plain(self.diagnostics)


class CompileWarning(UserWarning):
    """The probe is right, but something in it is suspect. `diagnostic` has all of it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic)

    def __str__(self) -> str:
        return f"{self.diagnostic.text(self.diagnostic.title)} [{self.diagnostic.code}]"


class ObjectError(Error):
    """The bytes are no BPF object that pyebpf can read; the text names what is wrong with them."""


class ResourceError(Error):
    """The machine has too little of something, or a limit of this user or process is reached; the text says which."""


class InternalError(Error):
    """A fault of pyebpf itself. Please report it, with the probe and this text."""


def unreachable(value: NoReturn) -> NoReturn:
    """For the last case of a `match`: mypy lists every place that a new class must be handled in."""
    raise InternalError(f"{type(value).__name__} is not handled here")


class Sink:
    """Collects the diagnostics of one stage."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.count = 0
        """How often anything was reported."""
        self._places: dict[tuple[int, int], list[Diagnostic]] = {}
        """The same by line and column."""

    def add(self, diagnostic: Diagnostic) -> None:
        """Remember `diagnostic`; the same one twice counts once."""
        self.count += 1
        here = self._at(diagnostic)
        if diagnostic not in here:
            here.append(diagnostic)
            self.diagnostics.append(diagnostic)

    def _at(self, diagnostic: Diagnostic) -> list[Diagnostic]:
        return self._places.setdefault((diagnostic.span.line, diagnostic.span.column), [])

    def back_to(self, count: int, diagnostics: list[Diagnostic]) -> None:
        """Forget what was reported since there were `count` and `diagnostics`."""
        self.count, self.diagnostics = count, diagnostics
        self._places.clear()
        for each in diagnostics:
            self._at(each).append(each)

    def check(self) -> None:
        """Raise CompileError if the stage found anything."""
        if self.diagnostics:
            self.fail()

    def fail(self) -> NoReturn:
        raise CompileError(
            tuple(sorted(self.diagnostics, key=lambda d: (d.span.source.path, d.span.line, d.span.column)))
        )
