"""samples/mallocs.py: what this process asks for, and nothing of others."""

from __future__ import annotations

import ctypes
import os

import pytest
from places import import_file
from run_cli import SAMPLES

import pyebpf


@pytest.mark.kernel
@pytest.mark.usefixtures("nothing_left")
def test_calls_bytes_and_sizes() -> None:
    sample = import_file(SAMPLES / "mallocs.py")
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    with pyebpf.load(sample, where={"asked": f"libc:malloc,pid={os.getpid()}"}) as session:
        for _ in range(100):
            libc.free(libc.malloc(ctypes.c_size_t(10_000_000)))
        calls, total = session.maps["calls"].to_dict(), session.maps["total"].to_dict()
        with open("/proc/self/comm") as file:
            own = file.read().rstrip("\n")
        assert list(calls) == list(total) == [own]
        assert calls[own] >= 100 and total[own] >= 1_000_000_000
        assert not session.faults
        assert [count for low, _, count in session.maps["sizes"].buckets() if low == 1 << 23] == [100]
