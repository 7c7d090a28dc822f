"""`Global[T](initial)`: a live variable. `Config[T](default)`: a value frozen when the program is loaded."""

from __future__ import annotations

from typing import Any

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.types import layout_of


class Declared:
    """A declared variable. In Python, `.value` reads and writes the loaded program's memory."""

    kind = ""

    def __init__(self, type: layout.Type, initial: object) -> None:
        self.type = type
        self.initial = initial
        self.view: Any = None
        """The loaded variable while a session is open."""

    @property
    def value(self) -> Any:
        return self.initial if self.view is None else self.view.value

    @value.setter
    def value(self, value: object) -> None:
        if self.view is None:
            self.initial = value
        else:
            self.view.value = value


class _Maker:
    def __init__(self, cls: type[Declared], type: layout.Type) -> None:
        self.cls = cls
        self.type = type

    def __call__(self, initial: object = None) -> Declared:
        return self.cls(self.type, _checked(self.cls.kind, self.type, initial))


def _checked(kind: str, type: layout.Type, initial: object) -> object:
    match type:
        case layout.Integer() | layout.Enumeration():
            value = 0 if initial is None else initial
            try:
                number = int(value)  # type: ignore[call-overload]
            except (TypeError, ValueError):
                raise DeclarationError(f"{kind}[{type}] starts as an integer, not {initial!r}") from None
            base = type.base if isinstance(type, layout.Enumeration) else type
            if isinstance(value, float) or not base.minimum <= number <= base.maximum:
                raise DeclarationError(
                    f"{initial!r} does not fit {kind}[{type}]", f"{base} holds {base.minimum} to {base.maximum}"
                )
            return value
        case layout.Boolean():
            return bool(initial)
        case layout.Text():
            text = "" if initial is None else initial
            if not isinstance(text, str) or len(text.encode()) > type.length:
                raise DeclarationError(f"{initial!r} does not fit {kind}[{type}]")
            return text
        case _:
            if initial is not None:
                raise DeclarationError(f"{kind}[{type}] starts as zeros and takes no initial value")
            return None


class Global(Declared):
    """`Global[u64](initial)`: one variable shared by all CPUs, read and written as `.value` by probes and Python.

    `g.value += n` is atomic for 4- and 8-byte integers. Lies in `.data`. Since Linux 5.2.
    """

    kind = "Global"

    def __class_getitem__(cls, type: object) -> _Maker:
        return _Maker(cls, layout_of(type))


class Config(Declared):
    """`Config[u32](default)`: set by `load(…, config={"name": 5})` or `--set name=5`, then frozen.

    Lies in `.rodata`: the verifier knows its value and removes code that it rules out. Since Linux 5.2.
    """

    kind = "Config"

    def __class_getitem__(cls, type: object) -> _Maker:
        return _Maker(cls, layout_of(type))
