"""The model's walk beside the kernel's log: where the two part first.

    python tests/effort/trace.py probe.py [kernel]

For whoever works on the model: its way through each program of the module, instruction by instruction, against that of
the running kernel's verifier, from its log. Needs root.
"""

from __future__ import annotations

import ctypes
import platform
import re
import sys
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

sys.path[:0] = [str(Path(__file__).parents[2])]

from pyebpf.compiler import compile_target
from pyebpf.effort import measure, rules_for
from pyebpf.effort.walk import Walk
from pyebpf.kernel.versions import parse_version
from pyebpf.loader import sys as sys_bpf
from pyebpf.loader.errors import LoadError
from pyebpf.loader.load import load_object
from pyebpf.object.specs import Object, ProgramSpec

SAFE: Final = -1
"""In a way: the verifier found a state with nothing new, and goes no further."""
LOG: Final = 200 << 20
"""Bytes."""
MANY: Final = 1_000_000
STATES, FIRST = 2, 8
"""Levels of the log: every instruction, and its beginning where it is too long (before Linux 6.4 it ends there)."""


def ours(made: Object, program: ProgramSpec) -> list[int]:
    """The model's way."""
    found: list[int] = []
    step, seen = Walk._step, Walk._seen

    def stepping(self: Walk, at: int) -> int | None:
        found.append(at)
        return step(self, at)

    def seeing(self: Walk, at: int) -> bool:
        equal = seen(self, at)
        if equal:
            found[-1] = SAFE
        return equal

    with patch.object(Walk, "_step", stepping), patch.object(Walk, "_seen", seeing):
        measure(made, program, MANY, rules_for(parse_version(platform.release())))
    return found


def kernels(made: Object) -> dict[str, str]:
    """The verifier's log of each program."""
    logs: dict[str, str] = {}
    load = sys_bpf.prog_load

    def loading(*given: Any, **named: Any) -> sys_bpf.Descriptor:
        log = ctypes.create_string_buffer(LOG)
        named |= {"log": log, "log_level": STATES | FIRST}
        try:
            return load(*given, **named)
        finally:
            logs[named["name"]] = log.value.decode("utf-8", "replace")

    with patch.object(sys_bpf, "prog_load", loading), suppress(LoadError), load_object(made):
        pass
    return logs


def way(log: str) -> list[int]:
    """The verifier's way, by its log."""
    found = []
    for line in log.splitlines():
        if match := re.match(r"(\d+): \(", line):
            found.append(int(match[1]))
        elif line.endswith(": safe"):
            found.append(SAFE)
    return found


def main() -> int:
    kernel = parse_version(sys.argv[2]) if len(sys.argv) > 2 else None
    made = compile_target(Path(sys.argv[1]), kernel=kernel)
    logs = kernels(made)
    for program in made.programs:
        one, other = ours(made, program), way(logs[program.name])
        print(f"{program.name}: {len(one)} instructions, the verifier {len(other)}")
        for number, (at, there) in enumerate(zip_longest(one, other)):
            if at != there:
                print(f"  the first difference is number {number}:")
                print(
                    f"    {one[max(number - 3, 0) : number + 6]}, the verifier {other[max(number - 3, 0) : number + 6]}"
                )
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
