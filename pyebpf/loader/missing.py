"""Why the verifier refuses what the loader found no answer for: in words, the field, type or address that it lacks."""

from __future__ import annotations

import re
from typing import Final

from pyebpf.kernel.capabilities import LOCKED_HELPERS, PERFMON_HELPERS
from pyebpf.loader import privileges
from pyebpf.loader.core import asked, own_types
from pyebpf.loader.core_patch import POISON
from pyebpf.loader.errors import LoadError
from pyebpf.loader.kallsyms import NO_VARIABLES
from pyebpf.loader.link import Linked
from pyebpf.loader.verifier import refused_at
from pyebpf.object.specs import Object

_NO_ADDRESS: Final = re.compile(r"failed to find the address for kernel symbol '(\w+)'")

_MADE: Final = "functions that errors may be injected into (CONFIG_FUNCTION_ERROR_INJECTION)"
_PLACES: Final = (
    (
        re.compile(r"points to disabled hook bpf_lsm_(?P<name>\w+)"),
        "this kernel takes no programs on the security hook {name}",
    ),
    (
        re.compile(r"^(bpf_lsm_)?(?P<name>\w+) is not sleepable", re.MULTILINE),
        f"programs that may sleep can't be on {{name}} in this kernel: they may be on some security hooks, and {_MADE}",
    ),
    (
        re.compile(r"^(?P<name>\w+)\(\) is not modifiable", re.MULTILINE),
        f"fmod_ret can't be on {{name}} in this kernel: it may be on security_…, and on {_MADE}",
    ),
)
"""What verifiers say of what a program is on, and what it means."""


_HELPER: Final = re.compile(r"(?:unknown|invalid|cannot use|cannot call|use) (?:func|helper) bpf_(?P<name>\w+)#")
_STRICTER: Final = (
    *("prohibited for !root", "pointer comparison prohibited", "pointer -= pointer prohibited", "leaks addr"),
    *("corrupt spilled pointer", "partial copy of pointer", "invalid read from stack", "jumps is too complex"),
)
"""What the verifier refuses only where CAP_PERFMON isn't there (`allow_ptr_leaks`, `bypass_spec_v1`), beside others."""


def needs_privileges(log: str) -> str:
    """What the program does that takes CAP_PERFMON, which this process lacks, or that a kernel which is locked down
    allows nobody; "" if it was refused for something else."""
    found = _HELPER.search(log)
    name = found["name"] if found is not None else ""
    if privileges.lockdown() in LOCKED_HELPERS.get(name, ()):
        return f"it calls {name}, and the kernel is locked down ({privileges.lockdown()})"
    if not privileges.missing(("CAP_PERFMON",)):
        return ""
    if name in PERFMON_HELPERS:
        return f"it calls {name}, for which {privileges.why_refused(('CAP_PERFMON',))}"
    if any(words in log for words in _STRICTER):
        return f"the verifier allows less where {privileges.why_refused(('CAP_PERFMON',))}"
    return ""


def missing(obj: Object, linked: Linked, log: str) -> str:
    """What the program comes to that this kernel doesn't have; "" if it was refused for something else."""
    unknown = _NO_ADDRESS.search(log)
    if unknown is not None:
        return f"this kernel doesn't know the address of {unknown[1]}: {NO_VARIABLES}"
    for pattern, words in _PLACES:
        found = pattern.search(log)
        if found is not None:
            return words.format(name=found["name"])
    at = refused_at(log, POISON)
    if at is None or not obj.btf:
        return ""
    try:
        local = own_types(obj)
    except LoadError:
        return ""
    for start, function in linked.functions:
        for record in function.core:
            first = start + (record.offset - function.section_offset) // 8
            if at in (first, first + 1):  # a 64-bit constant is two instructions
                what = asked(record, local)
                return f"the kernel's types have no `{what}`, or one of another size: hasattr asks for it"
    return ""
