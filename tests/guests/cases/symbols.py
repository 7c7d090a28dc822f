"""Names of addresses: of the kernel's functions and its modules', and of a process that is gone."""

import os
import subprocess
import sys
import time
from pathlib import Path

from pyebpf import Config, Stacks, kernel_stack, kprobe, pid, u32, user_stack
from pyebpf.symbols import Symbols

SINCE = (5, 5)
MODULES = ("veth",)

own = Config[u32](0)
stacks = Stacks()
ADDRESS = "ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value"
COMMAND = [
    sys.executable,
    "-S",
    "-c",
    f"import ctypes; print({ADDRESS})",
]


@kprobe("vfs_write")
def written(ctx):
    if pid() == own.value:
        stacks[kernel_stack(), user_stack()] += 1


def config():
    return {"own": os.getpid()}


def check(session):
    lines = [line.split() for line in Path("/proc/kallsyms").read_text().splitlines()]
    rows = [(int(words[0], 16), *words[2:]) for words in lines if words[1] in "tT"]
    with Symbols() as symbols:
        symbols.follow()
        os.write(os.open("/dev/null", os.O_WRONLY), b"x")
        [(calls, users)] = session.maps["stacks"]
        frames = symbols.kernel(calls)
        assert (frames[0].name, frames[0].module) == ("vfs_write", "[kernel]"), frames
        assert "ksys_write" in [frame.name for frame in frames], frames
        assert symbols.user(os.getpid(), users)[0].module, users
        for address, name, module in [row for row in rows if row[2:] == ("[veth]",)][:20]:
            [frame] = symbols.kernel([address + 1])
            assert (frame.module, frame.kind) == (module, "kernel"), frame
            assert frame.name == name or frame.offset == 1, frame
        with subprocess.Popen(COMMAND, stdout=subprocess.PIPE) as process:
            address = int(process.stdout.read())
        time.sleep(0.1)
        assert not Path(f"/proc/{process.pid}").exists()
        [frame] = symbols.user(process.pid, [address])
        assert (frame.name, frame.offset, frame.kind) == ("Py_IncRef", 0, "user"), frame
        assert symbols.lost == 0
