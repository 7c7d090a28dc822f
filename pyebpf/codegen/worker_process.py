"""The other side of `worker`: a process that turns LLVM's textual IR into BPF objects. Run as a script, never imported.

On standard input: a list of import paths, then requests; on standard output the answers. Each is
a frame: its length in four bytes, then its bytes. The process ends with its input.

Each request is served by a fork: LLVM's BPF passes keep pointers into the module from one run to the next
(`BPFAbstractMemberAccess::GEPGlobals`), so that a second module with CO-RE in the same process would crash.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import resource
import signal
import struct
import sys
from typing import IO, Any

MAX_FRAME = 1 << 28
MAX_CPU_SECONDS = 300
PR_SET_PDEATHSIG = 1


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """`size` bytes; ends the process when there are no more."""
    data = stream.read(size)
    if len(data) != size:
        os._exit(0)
    return data


def read_frame(stream: IO[bytes]) -> bytes:
    (size,) = struct.unpack("<I", read_exactly(stream, 4))
    if size > MAX_FRAME:
        os._exit(2)
    return read_exactly(stream, size)


def write_frame(stream: IO[bytes], data: bytes) -> None:
    stream.write(struct.pack("<I", len(data)) + data)
    stream.flush()


def passes(llvm: Any, machine: Any) -> tuple[Any, Any]:
    """The pipeline: the target's own passes, then those few that keep checked code checkable for the verifier.

    LLVM's stock pipelines move checks away from what they guard.
    """
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0))
    manager = builder.getModulePassManager()
    manager.add_sroa_pass()
    manager.add_simplify_cfg_pass()
    manager.add_new_gvn_pass()
    manager.add_simplify_cfg_pass()
    manager.add_dead_code_elimination_pass()
    return manager, builder


def load_apart() -> Any:
    """The module beside this one, without the package that it is in."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apart.py")
    found = importlib.util.spec_from_file_location("apart", path)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def compile_text(llvm: Any, apart: Any, text: str, cpu: str, kind: str) -> bytes:
    """An object, or assembly or optimised IR as text."""
    module = llvm.parse_assembly(text)
    module.verify()
    machine = llvm.Target.from_triple(module.triple).create_target_machine(cpu=cpu, opt=2)
    manager, builder = passes(llvm, machine)
    manager.run(module, builder)
    optimised = str(module)
    if (kept := apart.keep_apart(optimised)) != optimised:
        module = llvm.parse_assembly(kept)
        module.verify()
    if kind == "ir":
        return str(module).encode()
    return bytes(machine.emit_assembly(module).encode() if kind == "asm" else machine.emit_object(module))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # LLVM's abort() is an answer, not a crash to examine
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = MAX_CPU_SECONDS if hard == resource.RLIM_INFINITY else min(hard, MAX_CPU_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever LLVM prints goes to the log, not between the answers
    sys.path[:] = json.loads(read_frame(requests))
    llvm: Any = importlib.import_module("llvmlite.binding")
    apart = load_apart()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    # Placement turns loops around, so that an instruction that isn't a jump may go on at the head of the loop that it
    # is in: verifiers up to 6.8 take only jumps back ("back-edge from insn 45 to 46").
    llvm.set_option("", "-disable-block-placement")
    # Of a test behind a join NewGVN makes a choice of what it is on each way: a truth value, in place of a test of a
    # pointer, from which the verifier learns nothing of the pointer.
    llvm.set_option("", "-enable-phi-of-ops=false")
    while True:
        request = json.loads(read_frame(requests))
        text = read_frame(requests).decode("utf-8")
        serve(llvm, apart, request, text, answers)


def serve(llvm: Any, apart: Any, request: dict[str, str], text: str, answers: IO[bytes]) -> None:
    """Answer one request from a fork; where LLVM ends that, end the same way."""
    try:
        worker = os.fork()
    except OSError as error:
        write_frame(answers, b"\2" + str(error.errno).encode())
        return
    if worker:
        status = os.waitpid(worker, 0)[1]
        if os.WIFSIGNALED(status):
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
            os.kill(os.getpid(), os.WTERMSIG(status))
        if status:
            os._exit(os.waitstatus_to_exitcode(status))
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        answer = b"\0" + compile_text(llvm, apart, text, request["cpu"], request["kind"])
    except Exception as error:
        answer = b"\1" + f"{type(error).__name__}: {error}".encode("utf-8", "replace")
    write_frame(answers, answer)
    os._exit(0)


if __name__ == "__main__":
    main()
