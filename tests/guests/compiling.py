"""Compiles the cases for one kernel, on the host, with that kernel's types."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

from case import PATHS, Case, Version

sys.path[:0] = [path for path in PATHS if path not in sys.path]
sys.path.append(str(Path(__file__).resolve().parents[1] / "loader"))

import foreign_objects

from pyebpf import CompileError, InternalError
from pyebpf.codegen import Worker
from pyebpf.compiler import compile_target
from pyebpf.kernel.btf import Btf


@final
@dataclass(frozen=True)
class Compiled:
    """A case's object, or why there is none. `accepted`: the compiler takes the case for this kernel."""

    case: Case
    elf: bytes
    accepted: bool
    why: str


@cache
def host_types() -> Btf:
    """What portable cases are compiled with."""
    return Btf.running()


def compiled(case: Case, kernel: Version, types: Btf, worker: Worker) -> Compiled:
    """For a kernel that is too old (or too new) for it also that which the compiler refuses is compiled, as for the
    first kernel that it works on: there the kernel must refuse it."""
    works = case.works(kernel)
    if case.portable and types.big_endian == host_types().big_endian:
        kernel, types = case.since, host_types()
    elf, refusal = _object(case, kernel, types, worker)
    if elf or works:
        return Compiled(case, elf, not refusal, refusal)
    elf, why = _object(case, case.since, types, worker)
    return Compiled(case, elf, False, why or refusal)


def _object(case: Case, kernel: Version, types: Btf, worker: Worker) -> tuple[bytes, str]:
    """The object, or why there is none, in a line."""
    if case.foreign:
        return foreign_objects.build(case.foreign), ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile_target(Path(case.path), btf=types, kernel=kernel, worker=worker).elf, ""
        except (CompileError, InternalError) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            return b"", " ".join(lines[:2])
