"""The comparison of a kernel's facts with the tables: what is wrong is told, in both directions; without a guest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from helper_facts import KINDS
from tables import wrong_rows

from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.hooks import HOOKS
from pyebpf.kernel.kfuncs import KNOWN, Known
from pyebpf.kernel.least import MAP_SINCE
from pyebpf.kernel.versions import Version, show_version
from pyebpf.loader.features import GROUPS

ASKED = list(KINDS)


def may_call(row: Known, version: tuple[int, int]) -> list[str]:
    """The kinds of programs that the table lets call a kfunc."""
    return [name for name in ASKED if (since := row.allowed_since(KINDS[name].type)) is not None and since <= version]


def row(name: str, since: Version, why: str) -> dict[str, Any]:
    """A feature, as `pyebpf features --json` has it."""
    return {"name": name, "works": not why, "since": show_version(since), "why": why}


def say(found: dict[str, Any], name: str, why: str) -> None:
    """Have the kernel say something else of a type of map."""
    [told] = [each for each in found["features"]["map"] if each["name"] == name]
    told["works"], told["why"] = not why, why


def facts(version: tuple[int, int]) -> dict[str, Any]:
    """Of a kernel that is as the tables say."""
    young = {kind.name for kind, since in MAP_SINCE.items() if since > version}
    allowed = {known.name: may_call(known, version) for known in KNOWN if known.since <= version}
    return {
        "helpers": [helper.id for helper in HELPERS if helper.since <= version],
        "helpers by program": {},
        "features": {
            **{group: [] for group in GROUPS},
            "map": [
                row(kind.name, MAP_SINCE[kind], "Invalid argument" if kind.name in young else "") for kind in MAP_SINCE
            ],
        },
        "instructions": {"v3": "", "v4": "" if version >= (6, 6) else "unknown opcode", "fetch": ""},
        "hooks": {hook.name: "" if hook.since <= version else "Invalid argument" for hook in HOOKS},
        "places": {"lsm": {}, "sleepers": {}, "sleepable maps": {}, "functions": {}},
        "kfuncs": (ASKED, allowed),
        "module kfuncs": [],
        "capabilities": [],
    }


def test_nothing_is_wrong() -> None:
    assert not wrong_rows((6, 1), facts((6, 1)))
    assert not wrong_rows((6, 18), facts((6, 18)))


def test_what_is_there_too_early_and_what_is_missing() -> None:
    found = facts((6, 1))
    found["helpers"].append(210)  # cgrp_storage_get, since 6.2
    found["helpers"].remove(181)  # loop, since 5.17
    say(found, "CGRP_STORAGE", "")
    say(found, "BLOOM_FILTER", "Invalid argument")
    found["instructions"]["v4"] = ""
    found["hooks"]["xdp"] = "no"
    wrong = wrong_rows((6, 1), found)
    assert sorted(text.partition(":")[0] for text in wrong) == [
        *("helper cgrp_storage_get", "helper loop", "hook xdp", "instructions v4", "map BLOOM_FILTER"),
        *("map BloomFilter", "map CGRP_STORAGE", "map CgroupStorage"),
    ]
    assert "Linux 6.1 doesn't have it: Invalid argument" in next(text for text in wrong if "BloomFilter" in text)


def test_where_programs_may_sleep() -> None:
    found = facts((6, 12))
    found["places"]["sleepable maps"] = {"HASH": "", "QUEUE": "", "RINGBUF": "Invalid argument"}
    wrong = wrong_rows((6, 12), found)
    assert len(wrong) == 1 and "RINGBUF in programs that may sleep" in wrong[0]


def test_who_may_call_a_helper() -> None:
    found = facts((6, 12))
    digits = ["0"] * len(HELPERS)
    found["helpers by program"] = {"xdp": "".join(digits)}
    assert len(wrong_rows((6, 12), found)) > 20  # helpers that XDP has had for long
    assert any("map_lookup_elem in xdp, Linux (6, 12)" in text for text in wrong_rows((6, 12), found))


def test_who_may_call_a_kfunc() -> None:
    found = facts((6, 12))
    found["kfuncs"][1]["bpf_cpumask_create"].append("xdp")
    allowed = found["kfuncs"][1]["bpf_cpumask_release"]
    allowed[:] = [name for name in allowed if KINDS[name].type.name != "TRACING"]
    wrong = wrong_rows((6, 12), found)
    assert len(wrong) == 2 and "bpf_cpumask_create in XDP" in wrong[0] and "bpf_cpumask_release in TRACING" in wrong[1]


def test_kfuncs_of_modules() -> None:
    found = facts((6, 12))
    del found["kfuncs"][1]["bpf_ct_release"]
    assert len(wrong_rows((6, 12), found)) == 1
    found["module kfuncs"].append("bpf_ct_release")
    assert not wrong_rows((6, 12), found)


def test_capabilities_that_are_others() -> None:
    found = facts((6, 18))
    found["capabilities"].append("xdp: loads without CAP_NET_ADMIN")
    assert wrong_rows((6, 18), found) == ["xdp: loads without CAP_NET_ADMIN"]
