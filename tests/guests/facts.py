"""Asks a kernel what it has, by trying: map types, helpers, instructions, hooks, kfuncs. Prints JSON.

    python tests/guests/machine.py --kernel 5.10 'python3 tests/guests/facts.py'
    python tests/guests/facts.py > facts.json        # of the running kernel; as root

`tables.py` compares with pyebpf's tables.
"""

from __future__ import annotations

import ctypes
import json
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1] / "kernel")]

import helper_facts
import hook_facts
import kfunc_facts

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.hooks import HOOKS, Hook
from pyebpf.kernel.kfuncs import KNOWN
from pyebpf.kernel.maps import MapFlag, MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.loader import sys as bpf
from pyebpf.loader.load import raise_memlock

PAGE: Final = 4096
NEEDS_TARGET: Final = (ProgramType.TRACING, ProgramType.LSM, ProgramType.EXT, ProgramType.STRUCT_OPS)
"""Programs that name something of the kernel's already when they are loaded: the guest cases try those."""


def instruction(opcode: int, registers: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    """`struct bpf_insn`; the destination is in the lower half of `registers` on little-endian machines."""
    if sys.byteorder == "big":
        registers = (registers & 15) << 4 | registers >> 4
    return struct.pack("=BBhi", opcode, registers, offset, immediate)


EXIT: Final = instruction(0x95)


def returns(result: int) -> bytes:
    """`r0 = result; exit`."""
    return instruction(0xB4, 0, 0, (result + 2**31) % 2**32 - 2**31) + EXIT


INSTRUCTIONS: Final = {
    # r0 = 1; if w0 == 1 goto the next
    "v3": instruction(0xB7, 0, 0, 1) + instruction(0x16, 0, 0, 1) + EXIT,
    # r0 = 7; r0 s/= 2; r0 = (s8)r0; r0 = bswap16 r0; gotol the next
    "v4": b"".join(
        [
            *(instruction(0xB7, 0, 0, 7), instruction(0x37, 0, 1, 2), instruction(0xBF, 0, 8)),
            *(instruction(0xD7, 0, 0, 16), instruction(0x06), EXIT),
        ]
    ),
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


def plain_types() -> bpf.Descriptor:
    """BTF with a u32 (type 1) and a u64 (type 2)."""
    strings = b"\0u32\0u64\0"
    types = struct.pack("=4I4I", 1, 1 << 24, 4, 32, 5, 1 << 24, 8, 64)
    header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return bpf.btf_load(header + types + strings)


_SIZES: Final[dict[MapType, tuple[int, int, int, int]]] = {
    **dict.fromkeys((MapType.PROG_ARRAY, MapType.PERF_EVENT_ARRAY, MapType.CGROUP_ARRAY), (4, 4, 4, 0)),
    **dict.fromkeys((MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS), (4, 4, 4, 0)),
    **dict.fromkeys((MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP), (4, 4, 1, 0)),
    **dict.fromkeys((MapType.SOCKMAP, MapType.SOCKHASH), (4, 4, 4, 0)),
    MapType.LPM_TRIE: (8, 8, 4, MapFlag.NO_PREALLOC),
    **dict.fromkeys((MapType.CGROUP_STORAGE, MapType.PERCPU_CGROUP_STORAGE), (16, 8, 0, 0)),
    **dict.fromkeys((MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER), (0, 8, 4, 0)),
    **dict.fromkeys((MapType.RINGBUF, MapType.USER_RINGBUF), (0, 0, PAGE, 0)),
    **dict.fromkeys((MapType.SK_STORAGE, MapType.INODE_STORAGE), (4, 8, 0, MapFlag.NO_PREALLOC)),
    **dict.fromkeys((MapType.TASK_STORAGE, MapType.CGRP_STORAGE), (4, 8, 0, MapFlag.NO_PREALLOC)),
    MapType.ARENA: (0, 0, 1, MapFlag.MMAPABLE),
    MapType.INSN_ARRAY: (4, 16, 4, 0),
}
"""Sizes of key and value, entries and flags, of those that don't take any."""
_TYPED: Final = (MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE)
"""They must say what they hold, in BTF."""


def created() -> Iterator[tuple[str, bpf.Descriptor | str]]:
    """A map of each type, or why none can be made; hash maps also without their memory from the start."""
    with plain_types() as types, bpf.map_create(MapType.ARRAY, 4, 4, 1) as inner:
        for kind, more in (*((kind, 0) for kind in MapType), (MapType.HASH, MapFlag.NO_PREALLOC)):
            if kind in (MapType.UNSPEC, MapType.STRUCT_OPS):
                continue  # struct_ops needs a struct of the kernel's
            name = kind.name + (".no_prealloc" if more else "")
            key, value, entries, flags = _SIZES.get(kind, (4, 8, 4, more))
            typed = {"btf_fd": types.fd, "key_type_id": 1, "value_type_id": 2} if kind in _TYPED else {}
            holds = {"inner_fd": inner.fd} if kind in (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS) else {}
            try:
                made = bpf.map_create(kind, key, value, entries, flags, **typed, **holds)
            except OSError as error:
                yield name, error.strerror
                continue
            with made:
                yield name, made


def maps() -> dict[str, str]:
    """By type of map, why none can be made, or ""."""
    return {name: made if isinstance(made, str) else "" for name, made in created()}


def plain_hooks() -> Iterator[Hook]:
    """Those whose programs load without naming anything."""
    return (hook for hook in HOOKS if hook.program_type not in NEEDS_TARGET)


def hooks() -> dict[str, str]:
    """By hook, what is said of a program that returns the hook's own default, or ""."""
    return {hook.name: tried(hook.program_type, returns(hook.default), hook.attach_type or 0) for hook in plain_hooks()}


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
        "maps": maps(),
        "instructions": {name: tried(ProgramType.SOCKET_FILTER, code) for name, code in INSTRUCTIONS.items()},
        "hooks": hooks(),
        "places": hook_facts.facts(),
        "kfuncs": kfunc_facts.facts(known=True),
        "module kfuncs": in_modules(),
    }


if __name__ == "__main__":
    print(json.dumps(facts(), indent=1))
