"""The table of kfuncs against the running kernel: which of them it has, and which programs may call them."""

from __future__ import annotations

import struct

import pytest
from kfunc_survey import survey
from load_program import RETURN_ZERO, can_load, load
from test_tables import _kernel

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.hooks import HOOKS
from pyebpf.kernel.kfuncs import KNOWN, PAIRS, REFUSED, TAG, known_kfunc
from pyebpf.kernel.programs import ProgramType

KFUNC_CALL = 2
"""BPF_PSEUDO_KFUNC_CALL."""


def test_rows_are_unique_and_pairs_complete() -> None:
    assert len({row.name for row in KNOWN}) == len(KNOWN)
    for pair in PAIRS:
        begins, ends = known_kfunc(pair.name), known_kfunc(pair.release)
        assert begins is not None and ends is not None
        assert ends.since <= begins.since, f"{pair.name} came before what ends it"
    assert not set(REFUSED) & {row.name for row in KNOWN}


@pytest.mark.kernel
def test_the_kernel_has_them() -> None:
    """What came with this kernel or before is in its BTF, as a kfunc."""
    btf = Btf.running()
    marked = {btf.type(number).type_id for number in btf.find_all(TAG)}  # type: ignore[union-attr]
    for row in KNOWN:
        if row.since <= _kernel():
            found = btf.find(row.name, Kind.FUNC)
            assert found is not None, row.name
            assert not marked or found in marked, row.name


@pytest.mark.kernel
def test_the_kernel_lets_the_same_programs_call_them() -> None:
    """Whether a program's type may call it is what the verifier looks at first, before the arguments.

    Programs on security hooks are refused by the policy of some machines, and are as those of tracing here.
    """
    if reason := can_load():
        pytest.skip(reason)
    btf = Btf.running()
    tracepoint = btf.find("btf_trace_sched_switch", Kind.TYPEDEF) or 0
    wrong = []
    for row in KNOWN:
        number = btf.find(row.name, Kind.FUNC)
        if row.since > _kernel() or number is None:
            continue
        for program_type in sorted({hook.program_type for hook in HOOKS} - {ProgramType.LSM}):
            call = struct.pack("<BBhi", 0x85, KFUNC_CALL << 4, 0, number)
            typed = {"attach": 23, "target": tracepoint} if program_type is ProgramType.TRACING else {}
            _, log = load(program_type, call + RETURN_ZERO, **typed)
            since = row.allowed_since(program_type)
            if ("is not allowed" not in log) != (since is not None and since <= _kernel()):
                wrong.append(f"{row.name} in {program_type.name}: {log.strip()[:200]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.kernel
def test_half_of_them_can_be_called() -> None:
    """`kfunc_survey.py` prints them: the rest are collections, iterators, dynptrs and callbacks, and each says so."""
    found = survey(Btf.running())
    refused = [name for names in found.refused.values() for name in names]
    assert not set(found.callable) & set(refused)
    assert "" not in found.refused
    if _kernel() >= (6, 18):
        assert 2 * len(found.callable) >= len(found.callable) + len(refused) >= 200
        assert {row.name for row in KNOWN if row.since < (7, 0)} & set(refused) == set()
