"""Objects of clang, loaded and run on the live kernel."""

from __future__ import annotations

import os
import struct
import sys as python
from pathlib import Path

import pytest

python.path.insert(0, str(Path(__file__).parent))
import programs

from pyebpf.loader import sys
from pyebpf.loader.load import LoadedObject, load_object
from pyebpf.loader.verifier import VerifierError
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel


def load(source: str) -> LoadedObject:
    return load_object(read_object(programs.build(source)))


def run(loaded: LoadedObject, name: str = "probe") -> int:
    return sys.prog_test_run(loaded.programs[name].fd, bytes(64))[0]


def test_hash_lookup() -> None:
    with load(programs.HASH) as loaded:
        assert run(loaded) == 99
        sys.map_update(loaded.maps["counts"].fd, struct.pack("=I16s", 7, b"seven"), struct.pack("=Q", 5))
        assert run(loaded) == 5


def test_ring_size_is_rounded_and_per_cpu_cells_count() -> None:
    with load(programs.RING_AND_PER_CPU) as loaded:
        assert loaded.maps["ring"].spec.max_entries == 8192
        assert run(loaded) == 1
        values = sys.map_lookup(loaded.maps["cells"].fd, struct.pack("=I", 1), 8 * 256)
        assert values is not None and sum(struct.unpack("=256Q", values)) == 5


def test_functions_are_linked() -> None:
    with load(programs.CALLS) as loaded:
        assert run(loaded, "one") == 21
        assert run(loaded, "two") == 8 + 3


def test_data_sections() -> None:
    with load(programs.DATA) as loaded:
        assert run(loaded) == 5 + 2
        data, bss = loaded.view(".data"), loaded.view(".bss")
        assert data is not None and bss is not None and loaded.view(".rodata") is None
        assert struct.pack("=Q", 45) in bytes(data[:]) and struct.unpack("=Q", bss[:8]) == (1,)
        with pytest.raises(OSError):
            sys.map_update(loaded.maps[".rodata"].fd, bytes(4), bytes(4))


def test_core_finds_own_process() -> None:
    with load(programs.CORE) as loaded:
        assert run_raw(loaded) == os.getpid()


def run_raw(loaded: LoadedObject) -> int:
    return sys.prog_test_run(loaded.programs["probe"].fd, context=bytes(16), repeat=0)[0]


def test_rejected_program_shows_its_line() -> None:
    with pytest.raises(VerifierError) as caught:
        load(programs.REJECTED)
    assert "return *(volatile int *)0;" in caught.value.source_line
    assert caught.value.line == programs.PRELUDE.count("\n") + 2
    assert "processed" in caught.value.log and "verifier:" in str(caught.value)
