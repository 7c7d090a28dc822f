"""Kfuncs: functions of the kernel that programs call by name. `from pyebpf.kfuncs import bpf_task_from_pid`."""

from __future__ import annotations

from typing import Any, NoReturn


class Kfunc:
    """A kfunc, by name; what it takes and gives is looked up in the kernel's BTF when a probe calls it."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"{self.name}() works inside a probe, in the kernel; here it is only a name")

    def __repr__(self) -> str:
        return f"<pyebpf kfunc {self.name}>"


class Rcu:
    """`with rcu:` – what RCU protects stays while the block runs (`bpf_rcu_read_lock`, Linux 6.2)."""

    def __repr__(self) -> str:
        return "<pyebpf rcu>"


rcu: Any = Rcu()
