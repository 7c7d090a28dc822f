"""What probes ask of the kernel that they are loaded on: `kernel.enum("TCP_ESTABLISHED")`.

In plain Python these are names only: the compiler makes relocations of them, which the loader answers.
"""

from __future__ import annotations

from typing import Any, NoReturn


class Question:
    """Something about the kernel's types that is answered when a program is loaded."""

    def __init__(self, name: str, summary: str) -> None:
        self.name = self.__name__ = name
        self.__doc__ = summary

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"kernel.{self.name}() works inside a probe, in the kernel; here it is only a name")

    def __repr__(self) -> str:
        return f"<pyebpf question kernel.{self.name}>"


def _question(name: str, summary: str) -> Any:
    return Question(name, summary)


enum = _question("enum", 'The number of an enumerator: kernel.enum("TCP_ESTABLISHED"), by the kernel at hand.')
has_enum = _question("has_enum", 'Whether the kernel has an enumerator: kernel.has_enum("BPF_MAP_TYPE_ARENA").')
has_type = _question("has_type", 'Whether the kernel has a struct or union: kernel.has_type("struct bpf_arena").')
