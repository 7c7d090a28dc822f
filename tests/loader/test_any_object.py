"""Objects of other compilers: they load, the kernel has of them what it has by libbpf, and they compute what they
should.

`foreign/` has the programs; `foreign_objects.py` says what their first lines mean.
"""

from __future__ import annotations

import re
import warnings

import both_loaders
import foreign_objects
import pytest
from foreign_objects import Case, cases

import pyebpf
from pyebpf.kernel.programs import ProgramType
from pyebpf.object.read import ObjectError, read_object
from pyebpf.object.specs import Object

pytestmark = pytest.mark.kernel
ALONE = sorted(set(cases()) - set(foreign_objects.APART))
LEAST = 58
"""Objects that the project promises to load as libbpf does."""


def returned(obj: Object, name: str) -> int:
    """What a program of `obj` gives, run once on a packet of zeros."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pyebpf.loader.errors.LoadWarning)
        with pyebpf.load(obj, attach=False) as session:
            program = session.programs[name]
            packets = program.spec.program_type != ProgramType.SYSCALL
            return program.test_run(bytes(64) if packets else None).result


@pytest.mark.parametrize("name", ALONE)
def test_loads_as_by_libbpf(name: str) -> None:
    case, obj = cases()[name], read_object(foreign_objects.build(name))
    found = both_loaders.compare(obj)
    check(case, found)
    for program, value in case.returns.items():
        assert returned(obj, program) == value, program


def check(case: Case, found: both_loaders.Comparison) -> None:
    said = case.said
    if "refused" in said:
        assert re.search(said["refused"], found.ours.error)
    elif "policy" in said:
        assert found.ours.error == "" or "the kernel's policy forbids it" in found.ours.error
    else:
        assert found.ours.error == ""
    if "warns" in said:
        assert any(said["warns"] in text for text in found.ours.warned)
    else:
        assert found.ours.warned == []
    if "absent" in said:
        assert said["absent"] not in found.ours.kept
    if "libbpf" in said:
        assert found.theirs.error or found.differences, "libbpf does it too: it can be compared"
    else:
        assert found.differences == [] and found.programs > 0


def test_there_are_enough() -> None:
    compared = [case for name, case in cases().items() if name in ALONE and "libbpf" not in case.said]
    assert len(compared) >= LEAST


def test_stripped() -> None:
    elf = foreign_objects.stripped("calls_global")
    assert len(elf) < len(foreign_objects.build("calls_global"))
    found = both_loaders.compare(read_object(elf))
    check(cases()["calls_global"], found)
    assert found.ours.kept == both_loaders.by_us(read_object(foreign_objects.build("calls_global"))).kept


def test_linked_by_bpftool() -> None:
    obj = read_object(foreign_objects.linked(*foreign_objects.LINKED))
    check(cases()["linked_one"], both_loaders.compare(obj))
    assert returned(obj, "probe") == 8 + 6 + 2 + 11 + 20 + 3 + 4 + 6
    assert returned(obj, "other") == 7


def test_one_of_two_files_needs_the_other() -> None:
    with pytest.raises((ObjectError, pyebpf.LoadError), match=r"shared|weigh|offset"):
        pyebpf.load(read_object(foreign_objects.build("linked_one")), attach=False).close()


def test_optional_programs_are_loaded_where_somebody_names_them() -> None:
    obj = read_object(foreign_objects.build("programs_optional"))
    assert [program.name for program in obj.programs if not program.autoload] == ["broken"]
    with pytest.raises(pyebpf.VerifierError, match="broken"):
        pyebpf.load(obj, attach=False, where={"broken": 1})


GCC = (
    *("argument_tags", "btf_kinds", "btf_none", "calls_across_sections", "calls_global", "calls_order"),
    *("calls_static", "calls_weak", "cpu_v1", "cpu_v2", "cpu_v3", "data_addends", "data_aligned"),
    *("data_arrays", "data_constant_pointers", "data_constants", "data_large", "data_only", "data_sections"),
    *("data_strings", "data_variables", "dynptrs", "kconfig", "kconfig_alone", "legacy_maps_aya"),
    *("license_dual", "license_none", "maps_hash", "maps_lpm_trie", "maps_sizes", "maps_values"),
    *("programs_in_one_section", "programs_optional", "tail_calls"),
)
"""Programs that GCC 12 makes an object of which has all that they need. (It gives up at calls of helpers beside
functions that it doesn't inline, and its externs and atomic operations aren't the kernel's.)"""


@pytest.mark.parametrize("name", GCC if foreign_objects.gcc() else ())
def test_gcc(name: str) -> None:
    """What GCC makes of the same programs computes the same: its relocations hold what libbpf adds a second time."""
    elf = foreign_objects.build_by_gcc(name)
    assert elf is not None
    for program, value in cases()[name].returns.items():
        assert returned(read_object(elf), program) == value, program
