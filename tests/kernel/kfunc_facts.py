"""Asks a kernel's verifier which programs may call which kfuncs. Runs anywhere, in guests too:

    python tests/kernel/kfunc_facts.py > facts.json

For each kfunc, the kinds of programs (as `helper_facts` names them) that may call it; those that must be able to sleep
for it have `(sleeps)` behind their name.
"""

from __future__ import annotations

import json
import platform
import re
import struct
import sys
from pathlib import Path
from typing import Final

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from helper_facts import KINDS, Programs, target_of
from load_program import load

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.btf_types import DeclarationTag
from pyebpf.kernel.kfuncs import KNOWN, SLEEPING, TAG

KFUNC_CALL: Final = 2
"""BPF_PSEUDO_KFUNC_CALL."""
SLEEPS: Final = " (sleeps)"
MUST: Final = "program must be sleepable to call sleepable kfunc"


def kfuncs(btf: Btf) -> dict[str, int]:
    """Those that are marked as such; before 6.10, those that the table knows."""
    tags = [btf.type(number) for number in btf.find_all(TAG)]
    marked = {btf.name(tag.type_id): tag.type_id for tag in tags if isinstance(tag, DeclarationTag)}
    known = {row.name: btf.find(row.name, Kind.FUNC) for row in KNOWN}
    return marked or {name: number for name, number in known.items() if number is not None}


def _says(kind: Programs, number: int, target: int, attach: int) -> str:
    call = struct.pack("<BBhi", 0x85, KFUNC_CALL << 4, 0, number)
    return load(kind.type, call + kind.code, attach=attach, target=target, flags=kind.flags)[1]


def facts(*, known: bool = False) -> tuple[list[str], dict[str, list[str]]]:
    """The kinds that load here, and the answers of this kernel's verifier; `known`: only of kfuncs in the table."""
    btf = Btf.running()
    rows = {row.name for row in KNOWN}
    numbers = {name: number for name, number in sorted(kfuncs(btf).items()) if name in rows or not known}
    found: dict[str, list[str]] = {name: [] for name in numbers}
    asked = []
    for name, kind in KINDS.items():
        place = target_of(btf, kind.target)
        if place is None:
            continue
        attach = kind.attach if place[1] is None else place[1]
        if load(kind.type, kind.code, attach=attach, target=place[0], flags=kind.flags)[0]:
            continue
        asked.append(name)
        for kfunc, number in numbers.items():
            said = _says(kind, number, place[0], attach)
            if not re.search(r"calling kernel function \S+ is not allowed|not supported", said):
                found[kfunc].append(name + (SLEEPS if MUST in said else ""))
    return asked, found


def disagreements(asked: list[str], found: dict[str, list[str]], version: tuple[int, ...]) -> list[str]:
    """Where the table says something else than the verifier of Linux `version` does, of kfuncs that it knows."""
    wrong = []
    for row in KNOWN:
        allowed = {KINDS[name.removesuffix(SLEEPS)].type for name in found.get(row.name, ())}
        for type in {KINDS[name].type for name in asked} if row.name in found else ():
            since = row.allowed_since(type)
            if (type in allowed) != (since is not None and since <= version):
                wrong.append(f"{row.name} in {type.name}, Linux {version}: here since {since}")
    for name, kinds in found.items():
        sleeps = any(kind.endswith(SLEEPS) for kind in kinds)
        if sleeps and name not in SLEEPING:
            wrong.append(f"{name}, Linux {version}: it may sleep")
    return wrong


if __name__ == "__main__":
    asked, found = facts()
    print(json.dumps({"kernel": platform.release(), "kinds": asked, "kfuncs": found}, indent=1))
