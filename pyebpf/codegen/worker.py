"""LLVM in a process of its own.

LLVM's BPF back end ends the process when it meets what it can't lower. A tool that imports pyebpf must
survive that, so LLVM runs in a child, which also imports it while the parent still parses. What goes wrong there
becomes InternalError with LLVM's words.
"""

from __future__ import annotations

import errno
import json
import os
import re
import selectors
import struct
import subprocess
import sys
import tempfile
import time
import weakref
from typing import IO, Final, Literal, NoReturn, final

from pyebpf.diagnostics.base import InternalError, ResourceError

Kind = Literal["object", "asm", "ir"]
TIMEOUT: Final = 60.0
"""Seconds for one request."""
_MAX_WORDS: Final = 4000
_MAX_ANSWER: Final = 1 << 28
_CHUNK: Final = 1 << 16


_LACKING: Final = {
    errno.EAGAIN: "no more processes can be made (a limit of this user, as ulimit -u shows it, or of its cgroup)",
    errno.ENOMEM: "there is no memory for it",
    errno.EMFILE: "too many files are open in this process (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine (sysctl fs.file-max)",
    errno.ENOSPC: "there is no space for temporary files",
    errno.EDQUOT: "there is no space for temporary files of this user",
}
"""What no fault of ours is, by error number."""
_STACK: Final = re.compile(r"in function (\S+) .*BPF stack limit is exceeded")


class StackOverrun(InternalError):
    """The slots of `program`, and what LLVM keeps besides, need more stack than there is. The user can solve that."""

    def __init__(self, program: str, words: str) -> None:
        self.program = program
        super().__init__(words)


@final
class Worker:
    """A child process that compiles. Use it in a `with`, or `close` it."""

    def __init__(self) -> None:
        """Start the child; it loads LLVM in the background. Raises ResourceError or InternalError when it can't be
        started."""
        try:
            self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        except OSError as error:
            raise _not_started(error) from error
        try:
            self._process = _spawn(self._log)
        except OSError as error:
            self._log.close()
            raise _not_started(error) from error
        self._finalizer = weakref.finalize(self, _stop, self._process, self._log)
        paths = json.dumps([path for path in sys.path if path]).encode()
        self._send(_frame(paths), time.monotonic() + TIMEOUT)

    @classmethod
    def start(cls) -> Worker:
        """A child that is loading LLVM."""
        return cls()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be asked: LLVM may have ended it."""
        return self._process.stdin is not None and not self._process.stdin.closed

    def compile(self, text: str, cpu: str = "v3", kind: Kind = "object", timeout: float = TIMEOUT) -> bytes:
        """LLVM's textual IR as a BPF object, as assembly text, or as optimised IR. Raises InternalError."""
        deadline = time.monotonic() + timeout
        request = json.dumps({"cpu": cpu, "kind": kind}).encode()
        self._send(_frame(request) + _frame(text.encode()), deadline)
        answer = self._receive(deadline)
        if answer[:1] == b"\2":
            raise _not_started(OSError(int(answer[1:]), ""))
        if answer[:1] != b"\0":
            raise InternalError(f"LLVM refused the code: {answer[1:].decode('utf-8', 'replace')}")
        return answer[1:]

    def assembly(self, text: str, cpu: str = "v3") -> str:
        """LLVM's textual IR as BPF assembly."""
        return self.compile(text, cpu, "asm").decode()

    def close(self) -> None:
        """End the child and take its exit status."""
        self._finalizer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, data: bytes, deadline: float) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            raise InternalError("the code generator has ended")
        os.set_blocking(stdin.fileno(), False)
        view = memoryview(data)
        while view:
            self._wait(stdin, selectors.EVENT_WRITE, deadline)
            try:
                view = view[os.write(stdin.fileno(), view[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                self._died()

    def _receive(self, deadline: float) -> bytes:
        (size,) = struct.unpack("<I", self._read(4, deadline))
        if not 1 <= size <= _MAX_ANSWER:
            self._fail("the code generator answered nonsense")
        return self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        stdout = self._process.stdout
        if stdout is None or stdout.closed:
            raise InternalError("the code generator has ended")
        data = bytearray()
        while len(data) < size:
            self._wait(stdout, selectors.EVENT_READ, deadline)
            part = os.read(stdout.fileno(), min(size - len(data), _CHUNK))
            if not part:
                self._died()
            data += part
        return bytes(data)

    def _wait(self, file: IO[bytes], event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(file, event)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                self._fail("the code generator took too long")

    def _died(self) -> NoReturn:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._fail("the code generator closed its output")
        self._fail(f"the code generator died ({f'signal {-code}' if code < 0 else f'exit code {code}'})")

    def _fail(self, what: str) -> NoReturn:
        self._log.seek(0)
        words = self._log.read()[-_MAX_WORDS:].decode("utf-8", "replace").strip()
        self.close()
        if overrun := _STACK.search(words):
            raise StackOverrun(overrun[1], words)
        raise InternalError(f"{what}: {words}" if words else what)


def assemble(text: str, cpu: str = "v3", kind: Kind = "object") -> bytes:
    """As `Worker.compile`, in a child of its own."""
    with Worker.start() as worker:
        return worker.compile(text, cpu, kind)


def _not_started(error: OSError) -> ResourceError | InternalError:
    """Why there is no process to generate code in: the fault of this machine's limits, or ours."""
    why = _LACKING.get(error.errno or 0)
    if why is None:
        return InternalError(f"can't start the code generator: {error}")
    return ResourceError(f"cannot start the code generator, a process of its own: {why}")


def _spawn(log: IO[bytes]) -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise InternalError("the Python interpreter doesn't know its own path (sys.executable is empty)")
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker_process.py")
    # Isolated and without site packages of its own: it imports what the parent would, from the paths that it is given.
    command = [sys.executable, "-I", "-S", *(["-B"] if sys.dont_write_bytecode else []), program]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)


def _frame(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _stop(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """Whatever the child is doing, nothing of it stays behind."""
    process.kill()
    process.wait()
    for file in (process.stdin, process.stdout, log):
        if file is not None:
            file.close()
