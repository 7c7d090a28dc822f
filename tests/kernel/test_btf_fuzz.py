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


@pytest.mark.parametrize("name", ["m", ""])
@pytest.mark.parametrize("end", [False, True])
def test_few_types_with_no_end_of_ways_through_them(name: str, end: bool) -> None:
    """Forty structs of three members each: to go every way would take years."""
    data = btf_fuzz.pile(name, end)
    for number in range(3):
        assert btf_fuzz.attempt(lambda number=number: btf_fuzz.try_raw(data, [], btf_fuzz.Random(number)))[0] == ""
    assert btf_fuzz.attempt(lambda: btf_fuzz.try_raw(btf_fuzz.functions(), [], btf_fuzz.Random(1)))[0] == ""
