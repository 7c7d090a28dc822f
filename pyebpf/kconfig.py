"""The kernel's configuration: `from pyebpf.kconfig import CONFIG_HZ, LINUX_KERNEL_VERSION`."""

from __future__ import annotations

from typing import Any

from pyebpf.lang.kconfig import Kconfig, is_option

_known: dict[str, Kconfig] = {}


def __getattr__(name: str) -> Any:
    if not is_option(name):
        raise AttributeError(
            f"{name!r} is no option of the kernel: those begin with CONFIG_, and LINUX_KERNEL_VERSION is"
        )
    return _known.setdefault(name, Kconfig(name))
