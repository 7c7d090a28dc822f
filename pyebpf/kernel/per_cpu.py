"""Variables of the kernel that each CPU has one of, by the kernel's BTF.

Kernels describe no others (pahole writes them so since 5.11; with `global_var` more, which no distribution asks for).
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, Kind

SECTION: Final = ".data..percpu"


def per_cpu_variable(btf: Btf, name: str) -> int | None:
    """The type id of the per-CPU variable `name`; None if the BTF knows none of that name. Raises BtfError."""
    number = btf.find(name, Kind.VAR)
    section = btf.find(SECTION, Kind.DATASEC) if number is not None else None
    if number is None or section is None:
        return None
    described, variable = btf.type(section), btf.type(number)
    if not isinstance(described, types.DataSection) or not isinstance(variable, types.Variable):
        return None
    return variable.type_id if any(entry.type_id == number for entry in described.entries) else None
