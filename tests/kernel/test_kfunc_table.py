"""The table of kfuncs against the running kernel: which of them it has, and which programs may call them."""

from __future__ import annotations

import pytest
from kfunc_facts import disagreements, facts
from kfunc_survey import survey
from load_program import can_load
from test_tables import _kernel

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.kfuncs import KNOWN, PAIRS, REFUSED, TAG, WORK_QUEUES, known_kfunc


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
    """Whether a program's type may call it is what the verifier looks at first, before the arguments."""
    if reason := can_load():
        pytest.skip(reason)
    asked, found = facts()
    assert {"tracepoint", "xdp", "cgroup_skb", "socket_filter", "kprobe", "iterator"} <= set(asked)
    wrong = disagreements(asked, found, _kernel())
    assert not wrong, "\n".join(wrong)


@pytest.mark.kernel
def test_half_of_them_can_be_called() -> None:
    """`kfunc_survey.py` prints them: the rest are collections, dynptrs and callbacks, and each says so."""
    found = survey(Btf.running())
    refused = [name for names in found.refused.values() for name in names]
    assert not set(found.callable) & set(refused)
    assert "" not in found.refused
    if _kernel() >= (6, 18):
        assert 2 * len(found.callable) >= len(found.callable) + len(refused) >= 200
        by_name = {row.name for row in KNOWN if row.since < (7, 0)} - set(WORK_QUEUES)  # these are entry.work
        assert by_name & set(refused) == set()
