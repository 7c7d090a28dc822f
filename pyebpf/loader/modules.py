"""BTF of the running kernel's modules, as descriptors: what programs name of a module goes with one of them."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import final

from pyebpf.loader import sys
from pyebpf.loader.errors import LoadError, explain


@final
class ModuleDescriptors:
    """Descriptors by the modules' names, got when they are first asked for, until `close`."""

    def __init__(self) -> None:
        self._known: dict[str, sys.Descriptor] = {}
        self._called: list[str] = []

    def fd(self, module: str) -> int:
        """That of a module; 0 for "", the kernel itself. Raises LoadError."""
        if not module:
            return 0
        if module not in self._known:
            self._known[module] = _open(module)
        return self._known[module].fd

    def slot(self, module: str) -> int:
        """Its place in `array`, for calls; 0 stands for the kernel itself. Raises LoadError."""
        if module and module not in self._called:
            self._called.append(module)
        return 1 + self._called.index(module) if module else 0

    @property
    def array(self) -> bytes:
        """`fd_array` of BPF_PROG_LOAD; empty where no function of a module is called."""
        numbers = [self.fd(module) for module in self._called]
        return struct.pack(f"={1 + len(numbers)}i", 0, *numbers) if numbers else b""

    def close(self) -> None:
        for descriptor in self._known.values():
            descriptor.close()
        self._known.clear()


def _open(module: str) -> sys.Descriptor:
    number = 0
    try:
        while number := sys.btf_get_next_id(number) or 0:
            with suppress(FileNotFoundError):  # it was unloaded meanwhile
                descriptor = sys.btf_get_fd_by_id(number)
                if sys.btf_name(descriptor.fd) == module:
                    return descriptor
                descriptor.close()
    except OSError as error:
        what = f"get the types of module {module}"
        raise explain(error, what, needed=("CAP_BPF", "CAP_SYS_ADMIN")) from None
    raise LoadError(f"the types of module {module} are gone", "kernel")
