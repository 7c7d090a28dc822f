"""Maps that ask to be pinned by their names: objects have them in common, with libbpf's too."""

from __future__ import annotations

import os
from pathlib import Path

import foreign_objects
import libbpf
import programs
import pytest

import pyebpf
from pyebpf.loader import pins
from pyebpf.object.read import read_object
from pyebpf.object.specs import Object

pytestmark = pytest.mark.kernel
NAME = "pyebpf_tests_shared"


def pinned(entries: int = 1, *more: str) -> Object:
    return read_object(foreign_objects.build("maps_pinned", f"-DENTRIES={entries}", *more))


def names(folder: Path) -> list[str]:
    """What is there, but for what the kernel itself puts into each."""
    return [name for name in os.listdir(folder) if not name.endswith(".debug")]


def run(root: Path, obj: Object | None = None) -> int:
    with pyebpf.load(obj or pinned(), attach=False, pin_root=root) as session:
        return session.programs["probe"].test_run(bytes(64)).result


def test_the_second_object_finds_what_the_first_left(bpf_fs: Path) -> None:
    assert [run(bpf_fs), run(bpf_fs)] == [1, 2]
    assert names(bpf_fs) == [NAME]
    (bpf_fs / NAME).unlink()
    assert run(bpf_fs) == 1


def test_libbpf_has_the_same_map(bpf_fs: Path) -> None:
    lib = libbpf.library()

    def load_by_libbpf() -> int:
        with libbpf.opened(pinned().elf, bpf_fs) as (handle, said):
            assert handle is not None and lib.bpf_object__load(handle) == 0, said
            return len(names(bpf_fs))

    assert load_by_libbpf() == 1
    assert run(bpf_fs) == 1
    assert load_by_libbpf() == 1
    assert run(bpf_fs) == 2


def test_another_map_of_that_name_is_refused(bpf_fs: Path) -> None:
    run(bpf_fs)
    with pytest.raises(pyebpf.LoadError, match=f"{NAME}: its number of entries is 1, and the object's 2"):
        run(bpf_fs, pinned(2))


def test_nothing_is_left_of_what_does_not_load(bpf_fs: Path) -> None:
    with pytest.raises(pyebpf.VerifierError):
        run(bpf_fs, pinned(1, "-DBROKEN"))
    assert names(bpf_fs) == []


def test_what_others_may_change_is_not_taken(bpf_fs: Path) -> None:
    run(bpf_fs)
    (bpf_fs / NAME).chmod(0o666)
    with pytest.raises(pyebpf.LoadError, match="others may change it"):
        run(bpf_fs)


def test_a_program_in_its_place(bpf_fs: Path) -> None:
    with pyebpf.load(read_object(foreign_objects.build("license_none")), attach=False) as session:
        pins.pin(session.programs["probe"].loaded.descriptor, bpf_fs / NAME, "a program")
    with pytest.raises(pyebpf.LoadError, match="is no map"):
        run(bpf_fs)


def test_where_nothing_can_be_pinned(tmp_path: Path) -> None:
    with pytest.raises(pyebpf.LoadError, match="no bpf file system"):
        run(tmp_path)


IPROUTE2 = """
struct bpf_elf_map { u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx; };
struct bpf_elf_map SEC("maps") pyebpf_tests_shared = { .type = 2, .size_key = 4, .size_value = 8, .max_elem = 1,
                                                       .pinning = 2 };
SEC("socket") int probe(void *ctx) { u32 k = 0; u64 *v = lookup(&pyebpf_tests_shared, &k); return v ? ++*v : 0; }
"""


def test_names_of_iproute2(bpf_fs: Path) -> None:
    obj = read_object(programs.build(IPROUTE2))
    assert [run(bpf_fs, obj), run(bpf_fs, obj)] == [1, 2]
    assert names(bpf_fs) == ["tc"] and names(bpf_fs / "tc" / "globals") == [NAME]
