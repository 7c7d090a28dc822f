"""Facts about Linux, as tables: hooks, helpers, map types, program types. No behaviour, and no compiler.

`from pyebpf import kernel` is how probes ask what the kernel is like that they are loaded on.
"""

from pyebpf.kernel.questions import enum, has_enum, has_type

__all__ = ["enum", "has_enum", "has_type"]
