"""`Global[T](initial)`: a live variable. `Config[T](default)`: a value frozen when the program is loaded."""

from __future__ import annotations

from typing import Any

from pyebpf import layout
from pyebpf.encode import encode
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.home import declaring_scope
from pyebpf.lang.types import layout_of


class Declared:
    """A declared variable. In Python, `.value` reads and writes the loaded program's memory."""

    kind = ""

    def __init__(self, type: layout.Type, initial: object) -> None:
        self.type = type
        self.initial = initial
        self.home = declaring_scope()
        """The namespace of the module that declares it."""
        self.views: list[Any] = []
        """What it is in each session that is open now."""

    @property
    def view(self) -> Any:
        """The loaded variable of the session that was opened last; None while there is none."""
        return self.views[-1] if self.views else None

    @property
    def value(self) -> Any:
        return self.initial if self.view is None else self.view.value

    @value.setter
    def value(self, value: object) -> None:
        if self.view is None:
            encode(self.type, value, f"this {self.kind}")  # raises what the loaded one would
            self.initial = value
        else:
            self.view.value = value

    def live(self) -> Any:
        """A Global of a session as a numpy array, which is its memory."""
        if self.view is None:
            raise RuntimeError(f"this {self.kind} is not loaded: use it inside `with pyebpf.load(…)`")
        return self.view.live()


class _Maker:
    def __init__(self, cls: type[Declared], type: layout.Type) -> None:
        for own, word, example in (
            (layout.SPIN_LOCK, "locks", "Account"),
            (layout.TIMER, "timers", "Flow"),
            (layout.WORK_QUEUE, "work queues", "Flow"),
        ):
            if layout.places_of(own, type):
                help = f"Array[{example}](max_entries=1)"
                raise DeclarationError(f"a {cls.kind} can't have {word} in it: they are in maps", help)
        if layout.kept_structs(type):
            raise DeclarationError(
                f"a {cls.kind} can't hold structs of the kernel's: maps can", "Array[Slot](max_entries=1)"
            )
        self.cls = cls
        self.type = type

    def __call__(self, initial: object = None) -> Declared:
        return self.cls(self.type, _checked(self.cls.kind, self.type, initial))


def _checked(kind: str, type: layout.Type, initial: object) -> object:
    if initial is None:
        return {layout.Text: "", layout.Boolean: False, layout.Integer: 0, layout.Enumeration: 0}.get(type.__class__)
    if isinstance(type, layout.Struct | layout.Array | layout.Address):
        raise DeclarationError(f"{kind}[{type}] starts as zeros and takes no initial value")
    try:
        encode(type, initial)
    except OverflowError:
        base = type.base if isinstance(type, layout.Enumeration) else type
        holds = f"{base} holds {base.minimum} to {base.maximum}" if isinstance(base, layout.Integer) else ""
        raise DeclarationError(f"{initial!r} does not fit {kind}[{type}]", holds) from None
    except (TypeError, ValueError):
        if isinstance(type, layout.Integer | layout.Enumeration):
            raise DeclarationError(f"{kind}[{type}] starts as an integer, not {initial!r}") from None
        raise DeclarationError(f"{initial!r} does not fit {kind}[{type}]") from None
    return initial


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
