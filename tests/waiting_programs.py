"""Programs for tests of symbols: they say where their functions lie, and wait."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = """
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) static int hidden(int x) { return x * 3; }
__attribute__((noinline)) int visible(int x) { return hidden(x) + 1; }
int main(int count, char **words) {
  printf("%p %p %p %p\\n", (void *)main, (void *)visible, (void *)hidden, (void *)read);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0);
  return visible(count) & 1;
}
"""
NAMES = ["main", "visible", "hidden", "read"]


def build(path: Path, *options: str, source: str = SOURCE) -> Path:
    command = ["gcc", "-O1", "-fno-omit-frame-pointer", *options, "-x", "c", "-", "-o", path]
    subprocess.run(command, input=source.encode(), check=True)
    return path


@contextmanager
def started(*command: str | Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block, when it has no more to read."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*map(str, command)], stdin=pipe, stdout=pipe, **options) as process:  # type: ignore[call-overload]
        yield process
        process.stdin.close()
        process.wait(10)


@contextmanager
def running(*command: str | Path, **options: object) -> Iterator[tuple[int, list[int]]]:
    """The process's number, and the addresses that it printed."""
    with started(*command, **options) as process:
        assert process.stdout is not None
        yield process.pid, [int(word, 16) for word in process.stdout.readline().split()]
