"""`pyebpf run --interval` and its files: in a pipe, as JSON, in a terminal of any size, until a signal comes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_cli import ROOT, SAMPLES, Run, pyebpf

from pyebpf.cli.intervals import shared

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]

PROBE = """
from pyebpf import Config, Hash, Histogram, RingBuf, pid, struct, tracepoint, u32, u64

@struct
class Event:
    n: u64

@struct
class Counted:
    calls: u64
    sum: u64

only = Config[u32](0)
slots = Hash[u32, u64](max_entries=64)
pairs = Hash[u32, Counted](max_entries=64)
sizes = Histogram(unit="bytes")
calls = Hash[u32, u64](max_entries=1)
events = RingBuf[Event](size=4096)

@tracepoint("syscalls:sys_enter_getppid")
def on_call(ctx):
    if pid() == only.value:
        calls[u32(0)] += 1
        n = calls[u32(0)]
        slots[u32(n % 4)] += 1
        pairs[u32(0)] = Counted(calls=n, sum=2 * n)
        sizes.observe(n)
        if n == 5:
            with events.reserve() as event:
                event.n = n
"""


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    return path


def settings(*more: str) -> list[str]:
    return ["--set", f"only={os.getpid()}", *more]


def call(times: int) -> None:
    for _ in range(times):
        os.getppid()


def wait_until(true: object, patience: float = 15.0) -> None:
    end = time.monotonic() + patience
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def test_blocks_in_a_pipe(tmp_path: Path, probe: Path) -> None:
    with Run(tmp_path, probe, *settings("--interval", "0.5"), form="") as run:
        run.wait_for_links(1)
        wait_until(lambda: "after" in run.output.read_text())
        call(400)
        wait_until(lambda: "+400" in run.output.read_text())
        assert run.stop(signal.SIGINT) == 0
    shown = run.output.read_text()
    assert "\x1b" not in shown
    block = next(block for block in re.split("(?m)^after ", shown)[1:] if "+400" in block)
    rows = [line.split() for line in block.splitlines()]
    assert ["0", "100", "+100"] in [row[:3] for row in rows]
    assert ["0", "400", "800", "+400"] in [row[:4] for row in rows]
    assert ["program", "runs", "per", "s", "each", "of", "a", "CPU"] in rows
    assert int(next(row[1] for row in rows if row[0] == "on_call").replace(",", "")) >= 400  # others call it as well
    heading = next(line for line in block.splitlines() if line.startswith("sizes: "))
    assert heading.startswith("sizes: 400 values  +400, ") and " per s  p50 128 B … 256 B" in heading
    assert shown.count("slots: 4 entries") >= 2, "and once more at the end"
    assert [line for line in shown.splitlines() if line.strip() == "5"], "the event"


def test_a_document_for_each_interval(tmp_path: Path, probe: Path) -> None:
    with Run(tmp_path, probe, *settings("--interval", "0.2")) as run:
        wait_until(run.lines)  # from then on runs are counted
        call(8)
        wait_until(lambda: any(line.get("programs", {}).get("on_call", {}).get("runs", 0) > 7 for line in run.lines()))
        assert run.stop(signal.SIGTERM) == 0
    *found, last = [line for line in run.lines() if "event" not in line]
    assert "interval" not in last and all("interval" in line for line in found)
    assert [line["interval"] for line in found] == sorted(line["interval"] for line in found)
    assert found[-1]["maps"] == last["maps"] and {"key": 0, "value": 2} in last["maps"]["slots"]
    assert set(found[-1]["programs"]["on_call"]) == {"runs", "run_ns"}
    assert found[-1]["dropped"] == {"events": 0}


class Terminal:
    """`pyebpf run` in a terminal, which is a pseudo one."""

    def __init__(self, *arguments: str | Path) -> None:
        self.master, slave = pty.openpty()
        self.shown = b""
        self.resize(24, 80)
        command = [sys.executable, "-m", "pyebpf", "run", *map(str, arguments)]
        with open(slave, "r+b", buffering=0) as end:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=end, stdout=end, stderr=end, start_new_session=True
            )

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds: float = 0.1) -> str:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.shown += os.read(self.master, 65536)
                except OSError:  # nobody has the other end any more
                    break
        return self.shown.decode("utf-8", "replace")

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.read(0.05))

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.1)
        self.read(0.2)
        return self.process.wait(timeout=1)


@pytest.fixture
def terminal(probe: Path) -> Iterator[Terminal]:
    found = Terminal(probe, *settings("--interval", "0.3"))
    yield found
    if found.process.poll() is None:
        found.process.kill()
    found.process.wait()
    os.close(found.master)


HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
FRAME = re.compile(r"\x1b\[\?2026h(.*?)\x1b\[\?2026l", re.S)


def frames(shown: str) -> list[list[str]]:
    """Each drawing of the block: its lines, without colours."""
    found = []
    for text in FRAME.findall(shown):
        found.append(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", text).replace("\r", "").splitlines())
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_is_given_back(terminal: Terminal, number: int) -> None:
    terminal.wait_for("after")
    call(20)
    terminal.wait_for("+20")
    assert terminal.end(number) == 0
    shown = terminal.read(0)
    assert shown.count(HIDE) == shown.count(SHOW) == 1
    after = shown[shown.index(SHOW) :]
    assert "slots: 4 entries" in after and "\x1b[?2026h" not in after, "the summary, on a clean terminal"
    assert "N\r\n" in shown and "5\r\n" in shown[shown.index("N\r\n") :], "the event stays, above"
    moved = re.findall(r"\x1b\[(\d+)A\x1b\[J", shown)
    blocks = frames(shown)
    assert len(moved) >= len(blocks) - 1 >= 1
    assert all(len(block) <= 23 and max(map(len, block)) < 80 for block in blocks)


def test_what_is_shown_fits_a_terminal_of_any_size(terminal: Terminal) -> None:
    terminal.wait_for("after")
    call(400)
    terminal.wait_for("+400")
    for rows, columns in ((10, 40), (6, 20), (60, 200)):
        terminal.resize(rows, columns)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        before = len(frames(terminal.read(0)))
        wait_until(lambda: len(frames(terminal.read(0.1))) > before + 1)
        block = frames(terminal.read(0))[-1]
        assert 1 < len(block) < rows and max(map(len, block)) < columns
    assert any("│" not in line and "sizes: 400 values" in line for line in block)
    assert terminal.end(signal.SIGINT) == 0


def test_stopped_and_continued(terminal: Terminal) -> None:
    terminal.wait_for("after")
    os.kill(terminal.process.pid, signal.SIGTSTP)
    state = Path(f"/proc/{terminal.process.pid}/stat")
    wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
    assert terminal.read().count(SHOW) == 1, "the shell has its cursor"
    os.kill(terminal.process.pid, signal.SIGCONT)
    wait_until(lambda: terminal.read(0.1).count(HIDE) == 2)
    assert terminal.end(signal.SIGINT) == 0
    assert terminal.read(0).count(SHOW) == 2


def test_pictures_of_the_maps(tmp_path: Path, probe: Path) -> None:
    picture = tmp_path / "maps.svg"
    with Run(tmp_path, probe, *settings("--interval", "0.3", "--svg", str(picture))) as run:
        run.wait_for_links(1)
        wait_until(picture.exists)
        call(100)
        wait_until(lambda: "100 values" in picture.read_text())
        wait_until(lambda: "sizes over time" in picture.read_text())
        ElementTree.parse(picture)
        assert run.stop(signal.SIGINT) == 0
    texts = {each.text for each in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")}
    assert {"slots", "pairs", "sizes", "sizes over time", "calls", "4 entries"} <= texts
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_files_that_cannot_be(tmp_path: Path, probe: Path) -> None:
    done = pyebpf("run", probe, "--for", "0", "--svg", tmp_path / "none" / "maps.svg")
    assert done.returncode == 2 and "No such file or directory" in done.stderr
    done = pyebpf("run", probe, "--for", "0", "--folded", tmp_path / "out.folded", "--json")
    assert done.returncode == 2 and "probe.py has no Stacks" in done.stderr
    done = pyebpf("run", SAMPLES / "execsnoop.py", "--for", "0", "--svg", tmp_path / "out.svg")
    assert done.returncode == 2 and "no maps that a picture could be made of" in done.stderr
    assert not list(tmp_path.glob("out*"))
    assert pyebpf("run", probe, "--interval", "0.01").returncode == 2


def test_lines_are_shared() -> None:
    assert shared([3, 5], 20) == [3, 5]
    assert shared([3, 30, 30], 23) == [3, 10, 10]
    assert shared([30, 6, 3], 20) == [11, 6, 3]
    assert shared([10, 10, 10], 9) == [5, 4, 0]
    assert shared([0, 2], 0) == [0, 0] and shared([], 5) == []


def test_json_is_still_all_that_is_written(tmp_path: Path, probe: Path) -> None:
    done = pyebpf("run", probe, *settings("--for", "0.5", "--interval", "0.2", "--json"))
    assert done.returncode == 0 and all(json.loads(line) for line in done.stdout.splitlines())
