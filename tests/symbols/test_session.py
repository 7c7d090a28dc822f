"""Stacks of a session that gives up its privileges: processes of other users have names, and nothing is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from waiting_programs import build

LOAD = """
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) void spin(volatile long *number) { for (int i = 0; i < 100000; i++) ++*number; }
__attribute__((noinline)) void spins(volatile long *number) { for (int i = 0; i < 20; i++) spin(number); }
int main(void) { long number = 0; puts("0"); fflush(stdout); alarm(6); for (;;) spins(&number); }
"""
PROBE = """
from pyebpf import Config, Stacks, pid, profile, u32, user_stack

own = Config[u32](0)
stacks = Stacks()


@profile(hz=499)
def sample(ctx):
    if pid() != own.value:
        stacks[pid(), user_stack()] += 1
"""
SCRIPT = """
import os, subprocess, sys, time
from pathlib import Path
import pyebpf

program, probe, others, user = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])

with pyebpf.load(probe, config={"own": os.getpid()}) as session:
    load = subprocess.Popen([program], user=others, group=others, extra_groups=[], stdout=subprocess.PIPE)
    load.stdout.readline()
    print(pyebpf.drop_privileges(session, user), flush=True)
    time.sleep(1)
    found = [each for each in session.maps["stacks"].counts() if each.key == (load.pid,)]
    names = {tuple(frame.name for frame in each.frames)[:3] for each in found}
    print(("spin", "spins", "main") in names, session.symbols.lost)
load.wait()  # it ends by itself: nobody here may end it any more
"""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.kernel
def test_names_do_not_take_privileges_that_are_kept(open_folder: Path) -> None:
    program, probe = build(open_folder / "load", "-O0", source=LOAD), open_folder / "probe.py"
    probe.write_text(PROBE)
    command = [sys.executable, "-c", SCRIPT, program, probe, "65533", "65534"]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120, env=ENVIRONMENT)
    assert found.stdout == "()\nTrue 0\n"
