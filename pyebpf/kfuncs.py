"""Every kfunc of the kernel: `from pyebpf.kfuncs import bpf_task_from_pid`. Whether there is one the compiler says."""

from __future__ import annotations

from typing import Any

from pyebpf.lang.kfuncs import Kfunc

_known: dict[str, Kfunc] = {}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _known.setdefault(name, Kfunc(name))
