"""A short run over spoilt sources; `python tests/mutations/run.py` does as many as you like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parent / "run.py"


def test_spoilt_sources_give_diagnostics() -> None:
    command = [sys.executable, str(RUN), "--sources", "200", "--seed", "suite"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 findings" in done.stdout
