"""The command as a process of its own, with the standard streams and the limits that a test wants it to have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"


def pyebpf(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `pyebpf` in the repository's folder. `options` are those of `subprocess.run`."""
    if "stdout" not in options and "stderr" not in options:
        options["capture_output"] = True
    command = [sys.executable, "-m", "pyebpf", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, text=True, timeout=120, check=False, **options)
