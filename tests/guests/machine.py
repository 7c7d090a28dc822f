"""Runs a command inside another kernel: QEMU without KVM, the machine's own files read-only as the guest's root.

    python tests/guests/machine.py --kernel 5.10 'uname -r; python3 -c "print(1)"'

The folder /run/exchange of the guest is shared, and writable: what a command leaves there is the host's. Needs root,
qemu-system-x86, virtiofsd (part of it on some systems), kmod, and busybox-static for kernels before 6.12.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

sys.path.insert(0, str(Path(__file__).parent))

import foreign
import initramfs
from kernels import CPUS, FOREIGN, SUITES, WITHOUT, Unpacked, unpacked

HERE: Final = Path(__file__).resolve().parent
SERVERS: Final = ("virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd")
CACHE: Final = Path(os.environ.get("PYEBPF_GUESTS", "~/.cache/pyebpf-guests")).expanduser()
MEMORY: Final = "1G"
STARTING: Final = 20.0
"""Seconds for virtiofsd to make its socket."""


def place(version: str) -> tuple[str, Path]:
    """Python, and where the project is, in the guest."""
    return (foreign.PYTHON, Path(foreign.PROJECT)) if version in FOREIGN else (sys.executable, HERE.parents[1])


@final
@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, None if the guest didn't come that far, and what was on the console."""

    code: int | None
    console: str


def run(version: str, command: str, exchange: Path, *, cache: Path = CACHE, timeout: float = 900.0) -> Ended:
    """Run `command` (for sh) in Linux `version`. `exchange` is the guest's /run/exchange."""
    (exchange / "command").write_text(command + "\n")
    if version in FOREIGN:
        return _run_foreign(version, exchange, cache, timeout)
    kernel = unpacked(version, cache)
    with tempfile.TemporaryDirectory(prefix="pyebpf-guest-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        shares = {"rootfs": Path("/"), "exchange": exchange}
        sockets = {tag: stack.enter_context(_share(tag, path, folder)) for tag, path in shares.items()}
        arguments = _arguments(kernel, CPUS.get(version, WITHOUT), sockets, folder)
        console = _console(arguments, timeout)
    return Ended(_result(exchange), console)


def _run_foreign(version: str, exchange: Path, cache: Path, timeout: float) -> Ended:
    """`run` for another machine, on which Python is `foreign.PYTHON` and the project in `foreign.PROJECT`."""
    kernel, python = foreign.prepared(version, cache)
    with tempfile.TemporaryDirectory(prefix="pyebpf-guest-") as name:
        packed = Path(name) / "initramfs"
        packed.write_bytes(foreign.initramfs(kernel, python, exchange))
        console = _console(foreign.arguments(version, kernel, packed), timeout)
    console = foreign.bring_back(console, exchange)
    return Ended(_result(exchange), console)


def _console(arguments: list[str], timeout: float) -> str:
    """What QEMU says until it ends, or is ended."""
    try:
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
        console = (done.stdout + done.stderr).decode("utf-8", "replace")
    except subprocess.TimeoutExpired as error:
        console = (error.stdout or b"").decode("utf-8", "replace") + f"\nno end after {timeout:.0f} s\n"
    return console.replace("\r", "")


def _result(exchange: Path) -> int | None:
    """The exit code that the guest has left."""
    result = exchange / "result"
    code = int(result.read_text()) if result.exists() else None
    result.unlink(missing_ok=True)
    return code


@contextlib.contextmanager
def _share(tag: str, path: Path, folder: Path) -> Iterator[Path]:
    """virtiofsd for one folder; its socket."""
    server = next(filter(None, map(shutil.which, SERVERS)), None)
    if server is None:
        raise FileNotFoundError("needs virtiofsd: apt-get install virtiofsd, or qemu-system-common")
    socket = folder / f"{tag}.socket"
    options = [f"--socket-path={socket}", "-o", f"source={path}", "-o", "cache=always", "-o", "sandbox=chroot"]
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(open(folder / f"{tag}.log", "wb"))
        process = stack.enter_context(subprocess.Popen([server, *options], stdout=log, stderr=log))
        try:
            end = time.monotonic() + STARTING
            while not socket.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"virtiofsd: {(folder / f'{tag}.log').read_text()}")
                time.sleep(0.02)
            yield socket
        finally:
            process.terminate()


def _arguments(kernel: Unpacked, cpu: str, sockets: dict[str, Path], folder: Path) -> list[str]:
    init = str(HERE / "init.sh")
    words = [
        *("console=ttyS0", "quiet", "panic=-1", "mitigations=off", "nokaslr", "lsm=lockdown,landlock,yama,bpf"),
        *("root=rootfs", "rootfstype=virtiofs", "ro", f"init={init}", f"pyebpf.modules={kernel.modules}"),
    ]
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", "1", "-m", MEMORY]
    command += ["-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-numa", "node,memdev=memory"]
    for tag, socket in sockets.items():
        command += [
            "-chardev",
            f"socket,id={tag},path={socket}",
            "-device",
            f"vhost-user-fs-pci,chardev={tag},tag={tag}",
        ]
    command += ["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", str(kernel.image)]
    if initramfs.needed(kernel.modules):
        (folder / "initramfs").write_bytes(initramfs.build(kernel.modules, init))
        command += ["-initrd", str(folder / "initramfs")]
    return [*command, "-append", " ".join(words)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kernel", choices=(*SUITES, *FOREIGN), default="6.12")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where kernels are kept (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=900.0, metavar="SECONDS")
    parser.add_argument("command")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyebpf-exchange-") as exchange:
        command = given.command if given.kernel in FOREIGN else f"cd {shlex.quote(os.getcwd())}; {given.command}"
        ended = run(given.kernel, command, Path(exchange), cache=given.cache, timeout=given.timeout)
    print(ended.console, end="")
    return 99 if ended.code is None else ended.code


if __name__ == "__main__":
    sys.exit(main())
