"""Programs and libraries in C, to be probed: built by gcc in a test's own folder, run a step at a time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

MARK = r"""
/* A marker as sys/sdt.h makes them: an instruction, and a note that says where it is and where its arguments are. */
#define MARK(name, semaphore, arguments, ...) __asm__ volatile( \
  "990: nop\n.pushsection .note.stapsdt,\"?\",\"note\"\n.balign 4\n.4byte 992f-991f, 994f-993f, 3\n" \
  "991: .asciz \"stapsdt\"\n992: .balign 4\n993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte " semaphore "\n" \
  ".asciz \"t\"\n.asciz \"" name "\"\n.asciz \"" arguments "\"\n994: .balign 4\n.popsection\n" \
  ".ifndef _.stapsdt.base\n.pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
  ".weak _.stapsdt.base\n.hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n" \
  ".popsection\n.endif\n" :: __VA_ARGS__)
"""
STEPS = r"""
#include <stdio.h>
static void step(void);
int main(void) { char line[8]; puts("ready"); fflush(stdout);
  while (fgets(line, sizeof line, stdin)) { step(); puts("done"); fflush(stdout); } return 0; }
"""
"""A `main` that does its `step` each time that a line comes."""


def build(folder: Path, name: str, text: str, *options: str) -> Path:
    """Compile C."""
    source = folder / f"{name}.c"
    source.write_text(text)
    subprocess.run(["gcc", "-O1", "-w", "-o", folder / name, source, *options], check=True)
    return folder / name


def build_steps(folder: Path, name: str, text: str, *options: str) -> Path:
    """Compile C with a `step` to a program."""
    return build(folder, name, STEPS + text, *options)


class Steps:
    """A running program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def wait(self) -> None:
        """Until it says something."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline(), "the program has ended"

    def step(self, times: int = 1) -> None:
        assert self.process.stdin is not None
        for _ in range(times):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            self.wait()


@contextmanager
def running(
    command: str | Path, *arguments: str, root: Path | None = None, path: Sequence[Path] = ()
) -> Iterator[Steps]:
    """The program, until the end of `with`; below `root`, if that is given; `path`: where its libraries are."""
    process = subprocess.Popen(
        [str(command), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"LD_LIBRARY_PATH": ":".join(map(str, path))},
        preexec_fn=None if root is None else lambda: os.chroot(root),
    )
    try:
        found = Steps(process)
        found.wait()
        yield found
    finally:
        process.kill()
        process.communicate()
