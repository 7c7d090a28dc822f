"""A guest case: a probe with its own test, which the host compiles and another kernel loads, attaches, fires and reads.

`cases/NAME.py` has probes and maps at module level, and these names (all but SINCE and `check` may be left out):

    SINCE = (5, 8)                  the first kernel on which it works: on older ones it must be refused
    UNTIL = (6, 12)                 the last one
    MODULES = ("veth",)             kernel modules that it needs
    JIT = True                      for kernels that translate programs: without BPF_JIT they must refuse it
    LATER = {"aarch64": (6, 4)}     machines on which it works only since a later kernel, which the compiler can't know
    MACHINES = ("x86_64",)          the machines that it is for; all unless given
    PORTABLE = True                 compiled once, for SINCE and with the host's types; every kernel gets that object
    ATTACH = False                  only loaded: `check` runs or attaches its programs itself
    LIBBPF = False                  not for libbpf: it can't be told what the case says, or can't load what it has
    FOREIGN = "arena"               not of this file: the C program of that name in `tests/loader/foreign`, by clang
    LOADS = True                    older kernels take what is compiled, and `check` fails there
    def where() -> dict             called first, in the guest: where programs attach, by their names
    def config() -> dict            values of its Configs
    def check(session) -> None      called in the guest with everything attached: fires it, asserts what came out

Each case is a process of its own in the guest, which ends behind `check`: it may enter namespaces and need not leave
them. What is run in the guest can't compile, and Python is ten times slower there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final, final

HERE: Final = Path(__file__).resolve().parent
FOLDER: Final = HERE / "cases"
PATHS: Final = [str(HERE), str(HERE.parent / "run"), str(HERE.parents[1])]
"""What cases import from: `surroundings`, the pieces of Linux in tests/run, and pyebpf."""

Version = tuple[int, int]


@final
@dataclass(frozen=True)
class Case:
    """What a case says of itself."""

    name: str
    path: Path
    since: Version
    until: Version | None
    portable: bool
    machines: tuple[str, ...] | None
    jit: bool
    later: Mapping[str, Version]
    libbpf: bool = True
    foreign: str = ""
    loads: bool = False

    def works(self, kernel: Version) -> bool:
        """As far as the compiler can know."""
        return self.since <= kernel and (self.until is None or kernel <= self.until)


def import_case(path: Path) -> ModuleType:
    """Run the file as a module of its own."""
    name = f"guest_case_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_case(path: Path) -> Case:
    """Raises AttributeError for a file that lacks a name, and what the file itself raises."""
    module = import_case(path)
    assert callable(module.check), f"{path}: check is no function"
    until = getattr(module, "UNTIL", None)
    machines = getattr(module, "MACHINES", None)
    portable, jit = getattr(module, "PORTABLE", False), getattr(module, "JIT", False)
    later, libbpf = getattr(module, "LATER", {}), getattr(module, "LIBBPF", True)
    foreign, loads = getattr(module, "FOREIGN", ""), getattr(module, "LOADS", False)
    return Case(path.stem, path, module.SINCE, until, portable, machines, jit, later, libbpf, foreign, loads)


def all_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.py"))
