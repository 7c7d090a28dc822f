"""The C programs of `refused/`, each with one mistake that the verifier finds, and the logs that kernels gave of them.

Comments at the beginning of a program say what is special about it:

    // complaint: nullable          the row of pyebpf's table of complaints that says it in plain words; others, where
                                    kernels differ
    // taken: 6.12, 6.18            kernels that take the program
    // long: log                    it is too long to be kept
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from foreign_objects import tool

FOLDER = Path(__file__).with_name("refused")
LOGS = Path(__file__).with_name("logs")
_DIRECTIVE = re.compile(r"^// (complaint|taken|long): (.*)$", re.MULTILINE)
_OPTIONS = ("-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Wno-unused", "-fno-crash-diagnostics")


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(path.name.removesuffix(".bpf.c") for path in FOLDER.glob("*.bpf.c")))


@cache
def recorded() -> tuple[str, ...]:
    """Those whose logs are kept."""
    return tuple(name for name in names() if "long" not in said(name))


def said(name: str) -> dict[str, str]:
    """The comments at the beginning of a program."""
    return dict(_DIRECTIVE.findall((FOLDER / f"{name}.bpf.c").read_text()))


@cache
def build(name: str) -> bytes:
    """The object of the program `name`. Its lines say `NAME.bpf.c`, without folders."""
    with TemporaryDirectory() as folder:
        output = Path(folder, "made.o")
        command = [
            tool("clang"),
            *_OPTIONS,
            "-I/usr/include/x86_64-linux-gnu",
            "-c",
            f"{name}.bpf.c",
            "-o",
            str(output),
        ]
        subprocess.run(command, check=True, cwd=FOLDER)
        return output.read_bytes()
