"""Samples of a running load, named by perf and by us: the same functions, at the same offsets."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from waiting_programs import build

from pyebpf.symbols import Symbols

LOAD = """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
__attribute__((noinline)) static int compare(const void *a, const void *b) { return *(int *)a - *(int *)b; }
__attribute__((noinline)) void sorts(int *numbers) {
  unsigned next = 1;
  for (int i = 0; i < 400000; i++) numbers[i % 20000] = (next = next * 1103515245 + 12345) >> 8;
  qsort(numbers, 20000, sizeof(int), compare);
}
__attribute__((noinline)) void reads(void) {
  char buffer[65536];
  int file = open("/dev/zero", O_RDONLY);
  for (int i = 0; i < 200; i++) read(file, buffer, sizeof buffer);
  close(file);
}
int main(void) { int numbers[20000]; for (int i = 0; i < 60; i++) { sorts(numbers); reads(); } return 0; }
"""
SAMPLE = re.compile(r"^\s*(\d+)\s+([0-9a-f]+) (\S+?)\+0x([0-9a-f]+) \(", re.MULTILINE)
KERNEL = 1 << 63


@pytest.mark.kernel
@pytest.mark.skipif(shutil.which("perf") is None, reason="perf isn't installed")
@pytest.mark.parametrize("options", [("-pie",), ("-static",)], ids=" ".join)
def test_functions_are_those_that_perf_names(tmp_path: Path, options: tuple[str, ...]) -> None:
    program, data = build(tmp_path / "load", *options, source=LOAD), tmp_path / "perf.data"
    with Symbols() as symbols:
        symbols.follow()
        command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", data, program]
        subprocess.run(command, check=True)
        fields = ["-F", "pid,ip,sym,symoff,dso"]
        shown = subprocess.run(["perf", "script", "-i", data, *fields], stdout=subprocess.PIPE, text=True, check=True)
        samples = SAMPLE.findall(shown.stdout)
        found = {(int(at, 16), name, int(offset, 16)) for _, at, name, offset in samples if name != "@plt"}
        [pid] = {int(each[0]) for each in samples}
        names = set()
        for address, name, offset in found:
            [frame] = symbols.kernel([address]) if address & KERNEL else symbols.user(pid, [address])
            assert (frame.offset, frame.kind == "unknown") == (offset, False), (hex(address), name, frame)
            names.add(frame.name)
    assert {"sorts", "compare"} <= names
    assert sum(1 for address, *_ in found if address & KERNEL) > 5
