"""How commands show what takes which capabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyebpf.kernel.needs import Needs


def to_json(needs: Needs) -> dict[str, Any]:
    """As plain data."""
    sometimes = [{"capability": name, "when": when} for name, when in needs.sometimes]
    return {"always": list(needs.always), "sometimes": sometimes}


def text(found: dict[str, Any]) -> str:
    """The same for people: `CAP_BPF, CAP_PERFMON, and CAP_SYS_ADMIN before Linux 6.6`."""
    more = [f"{each['capability']} {each['when']}" for each in found["sometimes"]]
    return ", and ".join([", ".join(found["always"]) or "none", *more])
