"""`pyebpf` as a process: started, watched until it is attached, ended, its JSON read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, final

ROOT: Final = Path(__file__).parents[2]
SAMPLES: Final = ROOT / "samples"


def pyebpf(*arguments: str | Path, prepare: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end. `prepare` is called in the child before it becomes pyebpf."""
    return subprocess.run(
        [sys.executable, "-m", "pyebpf", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=prepare,
        check=False,
    )


@final
class Run:
    """`pyebpf run … --json` in the background; `form=""` is the output for people."""

    def __init__(self, folder: Path, *arguments: str | Path, form: str = "--json") -> None:
        self.output = folder / "run.out"
        self.errors = folder / "run.err"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pyebpf", "run", *map(str, arguments), *form.split()],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines that are there so far, without one that is being written."""
        text = self.output.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def wait_for_links(self, count: int, patience: float = 10.0) -> None:
        """Until the process holds `count` links, as its descriptors tell."""
        end = time.monotonic() + patience
        while self._links() < count:
            assert self.process.poll() is None, self.errors.read_text()
            assert time.monotonic() < end, f"not attached after {patience} s: {self.errors.read_text()}"
            time.sleep(0.01)

    def _links(self) -> int:
        folder = f"/proc/{self.process.pid}/fd"
        found = 0
        try:
            for name in os.listdir(folder):
                target = os.readlink(f"{folder}/{name}")
                found += target == "anon_inode:bpf_link"
        except OSError:
            pass
        return found

    def stop(self, signal: int) -> int:
        """Send the signal, wait; the exit code."""
        self.process.send_signal(signal)
        return self.process.wait(timeout=30)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
