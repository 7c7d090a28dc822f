"""The kernel's own helpers, by their names without `bpf_`. `from pyebpf.helpers import send_signal`."""

from __future__ import annotations

from typing import Any, NoReturn

from pyebpf.kernel.helpers import Helper
from pyebpf.kernel.prototypes import INSTEAD, prototype_by_name
from pyebpf.kernel.versions import show_version


class KernelHelper:
    """A helper; the compiler checks its arguments, and whether the probe may call it."""

    def __init__(self, row: Helper) -> None:
        self.name = self.__name__ = row.name
        prototype = prototype_by_name(row.name)
        takes = ", ".join(map(str, prototype.parameters)) if prototype is not None else "…"
        gives = f" -> {prototype.result}" if prototype is not None else f": {INSTEAD[row.name]}"
        self.__doc__ = f"bpf_{row.name}({takes}){gives}. Linux {show_version(row.since)}."

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"{self.name}() works inside a probe, in the kernel; here it is only a name")

    def __repr__(self) -> str:
        return f"<pyebpf helper {self.name}>"
