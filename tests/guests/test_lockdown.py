"""A kernel that is locked down says so: `pytest -m guest tests/guests/test_lockdown.py`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import pyebpf

sys.path.insert(0, str(Path(__file__).parent))

import machine

PROBES = {
    "reads": "@kprobe('do_exit')\ndef probe():\n    last.value = kernel_read(boot.value, u64)\n",
    "tracepoint": "@tracepoint('sched:sched_process_exit')\ndef probe(ctx):\n    last.value = 1\n",
    "raw": "@raw_tracepoint('sched_process_exit')\ndef probe(ctx):\n    last.value = 1\n",
}
HEAD = "from pyebpf import *\nlast, boot = Global[u64](0), Global[u64](0)\n"


@pytest.mark.guest
@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_lockdown(kernel: str, tmp_path: Path) -> None:
    for name, text in PROBES.items():
        path = tmp_path / f"{name}.py"
        path.write_text(HEAD + text)
        pyebpf.compile(path, kernel=kernel).save(tmp_path / f"{name}.o")
    objects = " ".join(f"/run/exchange/{name}.o" for name in PROBES)
    script = Path(__file__).with_name("locked_down.py")
    ended = machine.run(kernel, f"{sys.executable} {script} {objects}", tmp_path)
    match = re.search(r"^FOUND (.*)$", ended.console, re.MULTILINE)
    assert ended.code == 0 and match is not None, ended.console
    found = json.loads(match[1])
    assert [found[f"{name} none"] for name in PROBES] == [["", ""]] * 3
    reason, text = found["reads confidentiality"]
    assert reason == "privileges" and "it calls probe_read_kernel, and the kernel is locked down" in text
    assert found["tracepoint confidentiality"] == found["raw confidentiality"] == ["", ""]  # they read no memory
    assert found["features"] == ["confidentiality"]
