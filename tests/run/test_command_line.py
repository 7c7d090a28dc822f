"""`pyebpf run` on the live kernel: exit codes, `--set`, `--attach`, signals; nothing stays, however it ends."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_cli import ROOT, SAMPLES, Run, pyebpf
from run_kernel import drop_capabilities

pytestmark = pytest.mark.usefixtures("nothing_left")

COUNT_ONE = """
from pyebpf import Config, Global, pid, tracepoint, u32, u64

only = Config[u32](0)
calls = Global[u64](0)

@tracepoint("raw_syscalls:sys_enter")
def count(ctx):
    if pid() == only.value:
        calls.value += 1
"""


@pytest.fixture
def count_one(tmp_path: Path) -> Path:
    path = tmp_path / "count_one.py"
    path.write_text(COUNT_ONE)
    return path


def test_set_gives_a_config_its_value(count_one: Path, tmp_path: Path) -> None:
    with Run(tmp_path, count_one, "--for", "1.5", "--set", f"only={os.getpid()}") as run:
        run.wait_for_links(1)
        for _ in range(1000):
            os.getppid()
        assert run.process.wait(timeout=30) == 0
        [summary] = [line for line in run.lines() if "variables" in line]
    assert summary["variables"]["calls"] >= 1000


@pytest.mark.parametrize("setting", ["nothing=1", "only=many", "only=-1", f"only={2**32}", "only"])
def test_bad_settings_are_usage_errors(count_one: Path, setting: str) -> None:
    done = pyebpf("run", count_one, "--for", "1", "--set", setting)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e300", "soon"])
def test_only_times_are_times(count_one: Path, seconds: str) -> None:
    done = pyebpf("run", count_one, "--for", seconds)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_had_enough_is_no_failure(count_one: Path) -> None:
    for arguments in (("check", count_one), ("run", count_one, "--for", "0.1")):
        read, write = os.pipe()
        os.close(read)
        command = [sys.executable, "-m", "pyebpf", *map(str, arguments)]
        with open(write, "wb") as output:
            done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Error" not in done.stderr


@pytest.mark.parametrize("attach", ["firewall=no-such-device", "nothing=lo", "firewall"])
def test_bad_places_are_told(attach: str) -> None:
    done = pyebpf("run", SAMPLES / "xdp_firewall.py", "--for", "1", "--attach", attach)
    assert done.returncode in (2, 3), done.stderr
    assert attach.partition("=")[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_is_needed() -> None:
    done = pyebpf("run", SAMPLES / "xdp_firewall.py", "--for", "1")
    assert done.returncode == 2, done.stderr
    assert "--attach firewall=" in done.stderr


def test_a_wrong_probe_is_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(COUNT_ONE.replace("pid() ==", "pidd() =="))
    done = pyebpf("run", path, "--for", "1")
    assert done.returncode == 1
    assert "wrong.py:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_privileges_exit_code_3_says_what_is_missing() -> None:
    done = pyebpf("run", SAMPLES / "execsnoop.py", "--for", "1", prepare=drop_capabilities)
    assert done.returncode == 3, done.stderr
    assert "CAP_BPF" in done.stderr
    assert "on_execve" in done.stdout + done.stderr  # the compiled program is shown all the same
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_it_sums_up(number: signal.Signals, tmp_path: Path) -> None:
    with Run(tmp_path, SAMPLES / "syscount.py") as run:
        run.wait_for_links(1)
        time.sleep(0.2)
        assert run.stop(number) == 0, run.errors.read_text()
        assert [line for line in run.lines() if "maps" in line]
        assert "Traceback" not in run.errors.read_text()


@pytest.mark.parametrize("name", ["execsnoop", "syscount", "syslat"])
def test_killed_when_attached_nothing_stays(name: str, tmp_path: Path) -> None:
    with Run(tmp_path, SAMPLES / f"{name}.py") as run:
        run.wait_for_links(2 if name == "syslat" else 1)
        time.sleep(random.uniform(0, 0.2))
        assert run.stop(signal.SIGKILL) == -signal.SIGKILL


def test_kept_by_a_folder_and_taken_over(count_one: Path, bpf_fs: Path) -> None:
    options = ("--for", "0.2", "--json", "--set", f"only={os.getpid()}", "--pin", bpf_fs / "kept")
    first = pyebpf("run", count_one, *options)
    assert first.returncode == 0, first.stderr
    assert f"count_one runs on, kept by {bpf_fs / 'kept'}; to end it: rm -r {bpf_fs / 'kept'}" in first.stderr
    for _ in range(1000):
        os.getppid()
    second = pyebpf("run", count_one, *options)
    assert json.loads(second.stdout.splitlines()[-1])["variables"]["calls"] >= 1000
    shutil.rmtree(bpf_fs / "kept")


def test_fresh_is_for_what_is_taken_over(count_one: Path) -> None:
    assert pyebpf("run", count_one, "--fresh", "calls").returncode == 2
