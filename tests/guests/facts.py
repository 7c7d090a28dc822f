"""Asks a kernel what it has, by trying: map types, helpers, instructions, hooks, kfuncs. Prints JSON.

    python tests/guests/machine.py --kernel 5.10 'python3 tests/guests/facts.py'
    python tests/guests/facts.py > facts.json        # of the running kernel; as root

`tables.py` compares with pyebpf's tables.
"""

from __future__ import annotations

import ctypes
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS / "kernel"), str(TESTS / "run")]

import capability_facts
import helper_facts
import hook_facts
import kfunc_facts

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.hooks import HOOKS, Hook
from pyebpf.kernel.kfuncs import KNOWN
from pyebpf.kernel.least import LEAST_MAPS, LEAST_PROGRAMS
from pyebpf.kernel.maps import MapFlag, MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.loader import sys as bpf
from pyebpf.loader.features import least_map, plain_types, probe, to_json
from pyebpf.loader.instructions import EXIT, SAMPLES, instruction, returns
from pyebpf.loader.load import raise_memlock

NEEDS_TARGET: Final = (ProgramType.TRACING, ProgramType.LSM, ProgramType.EXT, ProgramType.STRUCT_OPS)
"""Programs that name something of the kernel's already when they are loaded: the guest cases try those."""


INSTRUCTIONS: Final = {
    **SAMPLES,
    # r0 = 0; *(u64 *)(r10 - 8) = r0; r0 = atomic_fetch_add((u64 *)(r10 - 8), r0); r0 = 0
    "fetch": b"".join(
        [
            *(instruction(0xB7), instruction(0x7B, 0x0A, -8), instruction(0xDB, 0x0A, -8, 1)),
            *(instruction(0xB7), EXIT),
        ]
    ),
}
"""What came with each level of the instruction set, and with atomic operations that fetch."""


def tried(kind: int, code: bytes, attach: int = 0, target: int = 0, flags: int = 0) -> str:
    """What the verifier says of a program, or "" if it is loaded."""
    log = ctypes.create_string_buffer(1 << 16)
    try:
        bpf.prog_load(
            *(kind, code, "GPL"),
            expected_attach_type=attach,
            attach_btf_id=target,
            flags=flags,
            log=log,
            log_level=1,
        ).close()
    except OSError as error:
        return f"{error.strerror}: {log.value.decode(errors='replace').strip()}"
    return ""


def helpers() -> list[int]:
    """The numbers of the helpers that it knows, for whichever programs. Newer ones are "invalid"."""
    return [
        helper.id
        for helper in HELPERS
        if "invalid func" not in tried(ProgramType.SOCKET_FILTER, instruction(0x85, 0, 0, helper.id) + returns(0))
    ]


def created() -> Iterator[tuple[str, bpf.Descriptor | str]]:
    """A map of each type, or why none can be made; hash maps also without their memory from the start."""
    with plain_types() as types, bpf.map_create(MapType.ARRAY, 4, 4, 1) as inner:
        for kind, more in (*((kind, 0) for kind in LEAST_MAPS), (MapType.HASH, MapFlag.NO_PREALLOC)):
            name = kind.name + (".no_prealloc" if more else "")
            try:
                made = least_map(kind, types, inner, more)
            except OSError as error:
                yield name, error.strerror
                continue
            with made:
                yield name, made


def plain_hooks() -> Iterator[Hook]:
    """Those whose programs load without naming anything, and not where older kernels take them for something else."""
    by_link = {row.attach for row in LEAST_PROGRAMS if row.by_link}
    return (hook for hook in HOOKS if hook.program_type not in NEEDS_TARGET and hook.attach_type not in by_link)


def hooks() -> dict[str, str]:
    """By hook, what is said of a program that returns the hook's own default, or ""."""
    return {
        hook.name: tried(
            *(hook.program_type, returns(hook.default), hook.attach_type or 0),
            flags=hook.flags | (helper_facts.SLEEPABLE if hook.sleepable else 0),
        )
        for hook in plain_hooks()
    }


def in_modules() -> list[str]:
    """Kfuncs of modules that are loaded."""
    base = Btf.running()
    paths = [path for path in Path("/sys/kernel/btf").iterdir() if path.name != "vmlinux"]
    modules = [Btf.from_bytes(path.read_bytes(), base) for path in paths]
    found = {row.name: [module.find(row.name, Kind.FUNC) or 0 for module in modules] for row in KNOWN}
    return [name for name, numbers in found.items() if max(numbers, default=0) >= base.count]


def facts() -> dict[str, Any]:
    """Everything."""
    raise_memlock()  # maps count as locked memory until 5.11
    return {
        "release": platform.release(),
        "helpers": helpers(),
        "helpers by program": helper_facts.facts(),
        "features": to_json(probe(anew=True)),
        "instructions": {name: tried(ProgramType.SOCKET_FILTER, code) for name, code in INSTRUCTIONS.items()},
        "hooks": hooks(),
        "places": hook_facts.facts(),
        "capabilities": capability_facts.disagreements(),
        "kfuncs": kfunc_facts.facts(known=True),
        "module kfuncs": in_modules(),
    }


if __name__ == "__main__":
    print(json.dumps(facts(), indent=1))
