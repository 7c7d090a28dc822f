"""Programs that may sleep, on this kernel: memory that isn't there yet is waited for."""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
SIZE = 4 * mmap.PAGESIZE
NUMBER = 123_456_789
TEXT = b"this isn't in memory before somebody looks"
PROGRAM = """
from pyebpf.helpers import copy_from_user, copy_from_user_task, probe_read_user
from pyebpf.kfuncs import bpf_copy_from_user_str
from pyebpf import iterator, rcu, user_read, i64

only, place = Config[u32](0), Config[u64](0)
number, text, across = Global[u64](0), Global[char[64]](""), Global[char[64]]("")
missed, copied, asked, string = Global[bool](False), Global[bool](False), Global[bool](False), Global[i64](0)

@function
def read(address):
    try:
        return user_read(address, u64)
    except NullPointerError:
        return 0

@iterator("task", sleepable=True)
def tasks(task):
    if task.pid != only.value:
        return
    buffer = u8[64]()
    missed.value = probe_read_user(buffer, place.value) != 0
    with rcu:
        missed.value = missed.value and read(place.value) == 0
    number.value = read(place.value)
    text.value = user_str(place.value + 8)
    across.value = user_str(place.value + 2 * 4096 - 4)
    copied.value = copy_from_user(buffer, place.value) == 0
    asked.value = copy_from_user_task(buffer, place.value, task, 0) == 0
    string.value = bpf_copy_from_user_str(buffer, place.value + 8, 0)
"""


@pytest.fixture
def address() -> Iterator[int]:
    """Where a file is in memory that nobody has looked at."""
    with tempfile.TemporaryFile() as file:
        file.write(NUMBER.to_bytes(8, "little") + TEXT)
        file.seek(2 * mmap.PAGESIZE - 4)
        file.write(TEXT)
        file.truncate(SIZE)
        memory = mmap.mmap(file.fileno(), SIZE, mmap.MAP_PRIVATE)
    view = (ctypes.c_char * SIZE).from_buffer(memory)
    yield ctypes.addressof(view)
    del view
    memory.close()


def test_memory_is_waited_for(program: Callable[[str], ModuleType], address: int) -> None:
    module = program(PROGRAM)
    with pyebpf.load(module, config={"only": os.getpid(), "place": address}) as session:
        assert session.programs["tasks"].spec.section == "iter.s/task"
        session.links["tasks"].read()
        found = {name: variable.value for name, variable in session.variables.items()}
        assert session.faults == ()
    assert found["missed"], "the memory was there before"
    assert (found["number"], found["text"], found["across"]) == (NUMBER, TEXT.decode(), TEXT.decode())
    assert found["copied"] and found["asked"]
    assert found["string"] == len(TEXT) + 1
