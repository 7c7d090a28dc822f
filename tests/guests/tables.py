"""Compares what a kernel has, as `facts.py` found by trying, with what pyebpf's tables say of its version."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1] / "kernel")]

from helper_facts import disagreements as helpers_wrong
from hook_facts import disagreements as places_wrong
from kfunc_facts import disagreements as kfuncs_wrong

from pyebpf.ir.scratch import EXCHANGE
from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.hooks import HOOKS
from pyebpf.kernel.kfuncs import KNOWN
from pyebpf.kernel.maps import MAP_KINDS
from pyebpf.kernel.versions import INSTRUCTION_SETS, Version, parse_version, show_version
from pyebpf.loader.features import GROUPS

CONFIGURED: Final = ("lirc_mode2", "kprobe.multi", "kprobe.session")
"""What kernels of any age may be built without."""


def wrong_rows(kernel: Version, facts: dict[str, Any]) -> list[str]:
    """Every row that says something else of `kernel` than what was found there, in either direction."""
    return [
        f"{what}: the table says since {show_version(since)}, and Linux {show_version(kernel)} "
        + (f"has it{f': {why}' if why else ''}" if there else f"doesn't have it{f': {why}' if why else ''}")
        for what, since, there, why in _rows(facts)
        if there != (since <= kernel)
    ] + [
        *helpers_wrong(facts["helpers by program"], kernel),
        *places_wrong(facts["places"], kernel),
        *kfuncs_wrong(*facts["kfuncs"], kernel),
        *facts["capabilities"],
    ]


def _rows(facts: dict[str, Any]) -> Iterator[tuple[str, Version, bool, str]]:
    """Each row: what it is, its first kernel, whether it is here, and why not."""
    for helper in HELPERS:
        yield f"helper {helper.name}", helper.since, helper.id in facts["helpers"], ""
    maps = {row["name"]: row["why"] for row in facts["features"]["map"]}
    for kind in MAP_KINDS:
        yield f"map {kind.name}", kind.since, not maps[kind.type.name], maps[kind.type.name]
    for group in GROUPS:
        for row in facts["features"][group]:
            if row["since"] is not None and not (row["why"] and row["name"] in CONFIGURED):
                yield f"{group} {row['name']}", parse_version(row["since"]), row["works"], row["why"]
    for hook in HOOKS:
        if hook.name in facts["hooks"]:
            yield f"hook {hook.name}", hook.since, not facts["hooks"][hook.name], facts["hooks"][hook.name]
    levels = dict(INSTRUCTION_SETS)
    for name, since in (("v3", levels["v3"]), ("v4", levels["v4"]), ("fetch", EXCHANGE)):
        said = facts["instructions"][name]
        yield f"instructions {name}", since, not said, said
    for row in KNOWN:
        there = row.name in facts["module kfuncs"] or bool(facts["kfuncs"][1].get(row.name))
        yield f"kfunc {row.name}", row.since, there, ""
