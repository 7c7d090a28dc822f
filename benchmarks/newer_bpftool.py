"""bpftool that can attach what it loads (`prog loadall … autoattach`, 7.2): the machine's own, or Debian's newer one.

Debian 12 has 7.1. Its backports have a newer one, which is fetched as the guests' kernels are: by an apt of its own,
into their cache, with nothing installed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from common import ROOT, Missing, tool

sys.path.append(str(ROOT / "tests" / "guests"))

from kernels import SUITES, Unavailable, apt, download, update
from machine import CACHE

SUITE: Final = "6.12"
"""The kernel in whose suite it is: Debian 12's backports."""


def attaching_bpftool() -> Path:
    """Raises Missing."""
    try:
        installed = Path(tool("bpftool"))
        if _attaches(installed):
            return installed
    except Missing:
        pass
    folder = CACHE / "bpftool"
    found = folder / "usr" / "sbin" / "bpftool"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            options = apt(SUITES[SUITE], CACHE / "apt" / "bpftool", "amd64")
            update(SUITE, options)
            download(SUITE, options, ["bpftool"], folder)
        except Unavailable as error:
            raise Missing(f"needs bpftool 7.2 or later, and {error}") from None
    if not _attaches(found):
        raise Missing("needs bpftool 7.2 or later")
    return found


def _attaches(bpftool: Path) -> bool:
    done = subprocess.run([bpftool, "prog", "help"], capture_output=True, text=True, check=False)
    return "autoattach" in done.stdout + done.stderr
