"""Options of the kernel's configuration, as values that are known when a program is loaded.

from pyebpf.kconfig import CONFIG_HZ, CONFIG_PREEMPT_RT, LINUX_KERNEL_VERSION
"""

from __future__ import annotations

from typing import NoReturn

from pyebpf import layout
from pyebpf.kernel import kconfig


class Kconfig:
    """An option by name: 0, or empty, where it isn't set."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name
        self.type = type_of(name)

    def __bool__(self) -> NoReturn:
        raise RuntimeError(f"{self.name} is known inside a probe, when it is loaded; here it is only a name")

    def __repr__(self) -> str:
        return f"<pyebpf option {self.name}: {self.type}>"


def is_option(name: str) -> bool:
    """Whether `name` can be one."""
    return name.startswith(kconfig.PREFIX) or name == kconfig.VERSION or name in kconfig.FACTS


def type_of(name: str) -> layout.Type:
    """What it is in a probe, the same for every kernel."""
    plain = name.removeprefix(kconfig.PREFIX)
    if name == kconfig.VERSION:
        return layout.U32
    if name in kconfig.FACTS:
        return layout.BOOL
    if plain in kconfig.NUMBERS:
        return layout.U64
    if plain in kconfig.TEXTS:
        return layout.Text(kconfig.TEXT_SIZE)
    return layout.Enumeration("libbpf_tristate", layout.U32, kconfig.TRISTATE)
