"""Kernel structs by name: `Kernel["struct sock"]`, as an annotation."""

from __future__ import annotations

import re
from typing import Final, final

from pyebpf.lang.errors import DeclarationError
from pyebpf.records import dataclass

_NAME: Final = re.compile(r"(?:(?:struct|union)\s+)?([A-Za-z_]\w*)")


def struct_name(text: str) -> str:
    """`sock` of "struct sock"; "" if that isn't what `text` is."""
    found = _NAME.fullmatch(text.strip())
    return found.group(1) if found and found.group(1) not in ("struct", "union") else ""


@final
@dataclass(frozen=True, slots=True)
class KernelPointer:
    """The address of a kernel struct."""

    struct: str

    def __repr__(self) -> str:
        return f'Kernel["struct {self.struct}"]'


class _Meta(type):
    def __getitem__(cls, name: object) -> KernelPointer:
        found = struct_name(name) if isinstance(name, str) else ""
        if not found:
            raise DeclarationError('Kernel["…"] takes the name of a struct of the kernel\'s', 'Kernel["struct sock"]')
        return KernelPointer(found)


class Kernel(metaclass=_Meta):
    """`sk: Kernel["struct sock"]`: an argument, or a variable, is the address of a struct in the kernel."""
