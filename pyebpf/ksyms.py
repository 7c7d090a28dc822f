"""The kernel's own variables, and addresses of its functions: `from pyebpf.ksyms import jiffies, runqueues`."""

from __future__ import annotations

from typing import Any

from pyebpf.lang.ksyms import Ksym

_known: dict[str, Ksym] = {}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _known.setdefault(name, Ksym(name))
