"""A short run over spoilt BTF; `python tests/kernel/btf_fuzz.py` does as many as you like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import btf_fuzz
import pytest

RUN = Path(__file__).parent / "btf_fuzz.py"


def test_spoilt_types_give_errors() -> None:
    command = [sys.executable, str(RUN), "--blobs", "600", "--seed", "suite"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "600 blobs" in done.stdout and "0 findings" in done.stdout


def test_what_goes_wrong_is_found(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of another kind, a hang, too much memory, the end of the process: one of each, planted."""
    found = btf_fuzz.Corpus([btf_fuzz.write_btf([])], [], [])
    planted = {
        0: lambda: 1 // 0,
        1: lambda: exec("while True: pass"),
        2: lambda: bytearray(1 << 30),
        3: lambda: btf_fuzz.os._exit(3),
        4: lambda: None,
    }
    monkeypatch.setattr(btf_fuzz, "SECONDS", 0.1)
    monkeypatch.setattr(btf_fuzz, "make", lambda seed, number, corpus: (planted[number], b"", "planted"))
    figures = btf_fuzz.run("1", 0, 5, found)
    said = capsys.readouterr().out
    assert figures.findings == 4 and figures.blobs == 4, said
    for words in ("only 0 (planted): ZeroDivisionError", "only 1 (planted): TooSlow", "only 2 (planted): MemoryError"):
        assert words in said
    assert "only 3 (planted): the process ended" in said
