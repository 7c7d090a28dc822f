"""Names after privileges are given up: what was opened before, and what everybody may read, is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from waiting_programs import NAMES, build

SCRIPT = """
import os, subprocess, sys, time
from waiting_programs import running, started
from pyebpf.symbols import Symbols

program, others, user = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
symbols = Symbols()
symbols.follow()
symbols.pause()
text = next(int(line.split()[0], 16) for line in open("/proc/kallsyms") if line.endswith(" T _etext\\n")) - 1

def shown(pid, addresses):
    print(*[symbols.user(pid, [address])[0].name for address in addresses], flush=True)

with running(program, user=others, group=others, extra_groups=[]) as (before, first):
    shell = ["/bin/sh", "-c", f"read line; exec {program}"]
    with started(*shell, user=others, group=others, extra_groups=[]) as process:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        symbols.resume()
        assert not int(next(line for line in open("/proc/self/status") if line.startswith("CapEff")).split()[1], 16)
        try:
            open(f"/proc/{before}/maps").read(1)
            sys.exit("it may read that")
        except PermissionError:
            pass
        shown(before, first)
        process.stdin.write(b"\\n")
        process.stdin.flush()
        addresses = [int(word, 16) for word in process.stdout.readline().split()]
        time.sleep(0.1)
        shown(process.pid, addresses)
    time.sleep(0.1)
    shown(process.pid, addresses)
print(symbols.kernel([text])[0].kind)
"""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.kernel
def test_processes_of_other_users_have_names_still(open_folder: Path) -> None:
    program = build(open_folder / "program")
    command = [sys.executable, "-c", SCRIPT, program, "65533", "65534"]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, env=ENVIRONMENT)
    assert found.stdout.split("\n") == [" ".join(NAMES)] * 3 + ["kernel", ""]
