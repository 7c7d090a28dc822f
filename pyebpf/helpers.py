"""Every helper of the kernel: `from pyebpf.helpers import send_signal`, with the kernel's names without `bpf_`."""

from __future__ import annotations

from typing import Any

from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.helpers import helper_by_name as _find
from pyebpf.lang.helpers import KernelHelper

_known: dict[str, KernelHelper] = {}


def __getattr__(name: str) -> Any:
    row = _find(name)
    if row is None:
        raise AttributeError(f"the kernel has no helper {name!r}: names are its own, without bpf_ in front")
    return _known.setdefault(name, KernelHelper(row))


def __dir__() -> list[str]:
    return sorted(row.name for row in HELPERS)
