"""LLVM's end is not ours."""

from __future__ import annotations

import errno
import gc
import importlib.util
import io
import os
import resource
import time
from pathlib import Path

import pytest
from building import Build, module
from run_kernel import become_nobody, in_child

import pyebpf.codegen.worker
from pyebpf import layout
from pyebpf.cli.main import report
from pyebpf.codegen import StackOverrun, Worker, assemble, emit_module, stack_size
from pyebpf.codegen.stack import LIMIT
from pyebpf.diagnostics.base import Error, InternalError
from pyebpf.ir import module as ir
from pyebpf.kernel import hooks

BPF = 'target triple = "bpf"\n'


def text() -> str:
    b = Build()
    b.ret(2)
    return emit_module(module(b.program("probe", hooks.XDP))).text


def test_object_and_assembly() -> None:
    with Worker() as worker:
        assert worker.compile(text())[:4] == b"\x7fELF"
        assert "exit" in worker.assembly(text())
    assert assemble(text())[:4] == b"\x7fELF"


def test_llvm_refuses_the_text(worker: Worker) -> None:
    with pytest.raises(InternalError, match="expected"):
        worker.compile(BPF + "define i32 @f(\n")
    assert worker.compile(text())  # and goes on


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("%r = sdiv i64 77, %x", "sdiv|division|select"),
        ("%r = call i64 inttoptr (i64 1 to ptr)(i64 1, i64 2, i64 3, i64 4, i64 5, i64 %x)", "arg"),
    ],
)
def test_llvm_ends_the_process(body: str, words: str) -> None:
    with Worker() as worker, pytest.raises(InternalError, match=f"(?is)died.*({words})"):
        worker.compile(f'{BPF}define i64 @f(i64 %x) section "xdp" {{\n{body}\nret i64 %r\n}}\n')


def test_too_much_stack_is_told_apart() -> None:
    def build(size: int) -> ir.Module:
        b = Build()
        b.call("get_current_comm", b.slot("big", layout.Text(size)), b.const(16))
        b.ret(0)
        return module(b.program("probe", hooks.TRACEPOINT, "raw_syscalls:sys_enter"))

    assert stack_size(build(504).programs[0]) == LIMIT
    with Worker() as worker:
        assert worker.compile(emit_module(build(504)).text)
        with pytest.raises(StackOverrun) as caught:
            worker.compile(emit_module(build(512)).text)
    assert caught.value.program == "probe"


def test_time_limit() -> None:
    worker = Worker()
    with pytest.raises(InternalError, match="too long"):
        worker.compile(text(), timeout=0.0)
    with pytest.raises(InternalError):
        worker.compile(text())


def starts_with(limit: int, value: int) -> list[object]:
    """The error of a compilation under a limit, and the command's exit code for it; in a child, as nobody."""

    def child() -> list[object]:
        become_nobody()
        resource.setrlimit(limit, (value, value))
        try:
            assemble(text())
        except Error as error:
            return [type(error).__name__, str(error), report(error)]
        return []

    found: list[object] = in_child(child)
    return found


@pytest.mark.kernel
def test_limits_of_the_user_are_no_fault() -> None:
    kind, message, code = starts_with(resource.RLIMIT_NPROC, 1)
    assert (kind, code) == ("ResourceError", 3)
    assert message == (
        "cannot start the code generator, a process of its own: no more processes can be made "
        "(a limit of this user, as ulimit -u shows it, or of its cgroup)"
    )
    kind, message, code = starts_with(resource.RLIMIT_NOFILE, len(os.listdir("/proc/self/fd")))
    assert (kind, code) == ("ResourceError", 3) and "ulimit -n" in str(message)


@pytest.mark.kernel
def test_a_generator_that_can_no_longer_fork_says_so() -> None:
    path = Path(pyebpf.codegen.worker.__file__).with_name("worker_process.py")
    spec = importlib.util.spec_from_file_location("worker_process", path)
    assert spec is not None and spec.loader is not None
    process = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(process)

    def child() -> str:
        become_nobody()
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        answers = io.BytesIO()
        process.serve(None, None, {}, "", answers)
        return answers.getvalue()[4:].decode()

    assert in_child(child) == f"\2{errno.EAGAIN}"


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_nothing_is_left_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    worker = Worker()
    pid = worker.pid
    worker.close()
    worker.close()
    assert gone(pid)
    worker = Worker()
    pid = worker.pid
    del worker
    gc.collect()
    assert gone(pid)
    assert len(os.listdir("/proc/self/fd")) == before


def test_child_ends_with_its_parent() -> None:
    """The parent is killed; the child finds its input closed."""
    read, write = os.pipe()
    parent = os.fork()
    if not parent:
        os.write(write, str(Worker().pid).encode())
        os.kill(os.getpid(), 9)
    os.waitpid(parent, 0)
    child = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    deadline = time.monotonic() + 10
    while not gone(child) and Path(f"/proc/{child}/stat").read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(child) or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"
