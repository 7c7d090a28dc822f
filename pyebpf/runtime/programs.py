"""Loaded programs: test runs and what the kernel tells about them."""

from __future__ import annotations

import errno
import struct
import warnings
from mmap import PAGESIZE
from typing import Any, final

from pyebpf.decode import decoder
from pyebpf.encode import encode
from pyebpf.kernel.flows import FLOW_KEYS
from pyebpf.kernel.hooks import ContextKind, FlowAction, Hook, hook_by_name
from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.versions import Version, running_version
from pyebpf.layout import Type
from pyebpf.loader import sys
from pyebpf.loader.errors import LoadError, LoadWarning, explain
from pyebpf.loader.load import LoadedProgram
from pyebpf.object.specs import ProgramSpec
from pyebpf.records import dataclass

BPF_ENABLE_STATS = 32
ETH_HLEN = 14
ANSWERED: Version = (6, 1)
"""First kernel whose test runs give the answers of flow dissectors."""
SPARE = 256
"""Bytes that a program may add to the packet of a test run."""


@final
@dataclass(frozen=True, slots=True)
class TestRun:
    """What BPF_PROG_TEST_RUN gives: the result, the packet as the program left it, and ns for one run."""

    __test__ = False

    result: int
    data: bytes
    duration_ns: int
    """0 where the kernel doesn't measure it (syscall programs)."""
    ctx: Any = b""
    """Of syscall programs: the struct as the program left it, of the fields of the one that it was given. Of flow
    dissectors: the flow's keys."""


@final
@dataclass(frozen=True, slots=True)
class ProgramStats:
    """The kernel's own numbers. `runs` and `run_ns` count only while statistics are on (`session.stats` turns them
    on)."""

    runs: int
    run_ns: int
    verified_instructions: int
    """How many instructions the verifier went through (5.16; 0 before)."""
    translated_bytes: int
    native_bytes: int
    memory_bytes: int = 0
    """What the kernel counts as the program's memory: whole pages."""

    @property
    def ns_per_run(self) -> float:
        """The mean of all runs that were timed; 0 if none was."""
        return self.run_ns / self.runs if self.runs else 0.0


@final
class Program:
    """A loaded program."""

    def __init__(self, loaded: LoadedProgram) -> None:
        self.loaded = loaded

    @property
    def name(self) -> str:
        return self.loaded.spec.name

    @property
    def fd(self) -> int:
        return self.loaded.fd

    @property
    def id(self) -> int:
        """The kernel's number for it."""
        return self.loaded.id

    @property
    def spec(self) -> ProgramSpec:
        return self.loaded.spec

    def test_run(self, data: bytes | None = None, ctx: Any = None, repeat: int = 1) -> TestRun:
        """Run the program once (or `repeat` times) on given input, without its hook.

        `data`: a packet from its Ethernet header on, for programs that read packets. `ctx`: the context's bytes; for
        raw tracepoints their arguments, u64 each; for syscall programs the struct itself, or its bytes. Raises
        LoadError for hooks that the kernel can't run so, ValueError and TypeError for input that it doesn't take.
        """
        if not 1 <= repeat < 1 << 32:
            raise ValueError(f"repeat is at least 1, and below 2**32; not {repeat}")
        packet = b"" if data is None else memoryview(data).tobytes()
        type = getattr(ctx, "__layout__", None)
        if type is not None:
            context = encode(type, ctx, "ctx")
        else:
            context = b"" if ctx is None else memoryview(ctx).tobytes()
        hook = hook_by_name(self.loaded.spec.hook)
        if hook is not None and not hook.test_run:
            raise LoadError(f"the kernel has no test run for {hook.name} programs", "kernel")
        if self.loaded.spec.program_type == ProgramType.SYSCALL:
            return self._run(packet, context, type, repeat)
        if hook is None or hook.context is not ContextKind.RAW_ARGS:
            return self._test_run(hook, packet, context, repeat)
        runs = [self._test_run(hook, packet, context, 0) for _ in range(repeat)]  # the kernel takes no count here
        return TestRun(runs[-1].result, b"", sum(run.duration_ns for run in runs) // repeat)

    def _run(self, packet: bytes, context: bytes, type: Type | None, repeat: int) -> TestRun:
        """A syscall program, each time from the same context."""
        if packet:
            raise ValueError(f"cannot run {self.name}: it has a struct (ctx=…), and no packet")
        try:
            for _ in range(repeat):
                result, after = sys.prog_run(self.loaded.fd, context)
        except OSError as error:
            if error.errno == errno.EINVAL:
                what = f"it takes a struct larger than the {len(context)} bytes that it was given (ctx=…)"
                raise ValueError(f"cannot run {self.name}: {what}") from error
            raise explain(error, f"run {self.name}", self.loaded.spec.hook) from error
        left = after if type is None else decoder(type)(after, 0)
        return TestRun(result - (1 << 32) if result >> 31 else result, b"", 0, left)

    def _test_run(self, hook: Hook | None, packet: bytes, context: bytes, repeat: int) -> TestRun:
        size = len(packet) + SPARE if packet else 0
        try:
            result, data, duration = sys.prog_test_run(
                self.loaded.fd, packet, context=context, repeat=repeat, output_size=size
            )
            if hook is not None and hook.result[0] < 0 and result >= 1 << 31:
                result -= 1 << 32
            if hook is not None and hook.context is ContextKind.FLOW_PACKET:
                result = _dissected(result)
                return TestRun(result, packet, duration, decoder(FLOW_KEYS)(data, 0))
            return TestRun(result, data, duration)
        except OSError as error:
            too_large = error.errno == errno.ENOMEM and len(packet) > PAGESIZE
            if hook is not None and (error.errno == errno.EINVAL or too_large):
                raise ValueError(f"cannot run {self.name}: {_taken(hook, packet, context)}") from error
            raise explain(error, f"run {self.name}", self.loaded.spec.hook) from error

    @property
    def stats(self) -> ProgramStats:
        """Numbers of `struct bpf_prog_info`."""
        info = sys.obj_get_info_by_fd(self.loaded.fd).ljust(256, b"\0")
        native, translated = struct.unpack_from("=II", info, 16)
        run_ns, runs = struct.unpack_from("=QQ", info, 192)
        verified = struct.unpack_from("=I", info, 216)[0]
        return ProgramStats(runs, run_ns, verified, translated, native, memory_of(self.loaded.fd))

    def __repr__(self) -> str:
        return f"<Program {self.name}, {self.loaded.spec.section}, id {self.id}>"


def memory_of(fd: int) -> int:
    """The bytes that the kernel counts for a program or a map (`memlock` in fdinfo, 4.10); 0 where there is no
    /proc."""
    try:
        with open(f"/proc/self/fdinfo/{fd}") as file:
            found = [line.split()[1] for line in file if line.startswith("memlock:")]
    except OSError:
        return 0
    return int(found[0]) if found else 0


def _dissected(result: int) -> int:
    """What a flow dissector has answered: before 6.1 the kernel says whether it was OK."""
    if (running_version() or ANSWERED) >= ANSWERED:
        return result
    return int(FlowAction.OK if result else FlowAction.DROP)


def _taken(hook: Hook, packet: bytes, context: bytes) -> str:
    """What a test run takes, said when it didn't take what was given."""
    if hook.context is not ContextKind.RAW_ARGS:
        given = f"{len(packet)} bytes" + (f", and {len(context)} of context" if context else "")
        headers = f"at least {ETH_HLEN} bytes, and where these announce IP, its whole header"
        return f"the kernel takes a packet of {headers}; at most what fits into a page; not {given}"
    if packet:
        return "a raw tracepoint has arguments (ctx=…) and no packet"
    return f"the program reads more arguments than the {len(context) // 8} that were given (ctx=…, 8 bytes each)"


def enable_stats() -> sys.Descriptor | None:
    """Have the kernel count and time runs for as long as the descriptor is open (5.8). None where it can't, with a
    LoadWarning if that is for want of privileges."""
    try:
        return sys.Descriptor(sys.bpf(BPF_ENABLE_STATS, struct.pack("=I", 0))[0])
    except OSError as error:
        if error.errno == errno.EPERM:
            doubt = str(explain(error, "count runs", needed=("CAP_SYS_ADMIN",)))
            warnings.warn(doubt, LoadWarning, stacklevel=3)  # at the caller of session.stats
        return None
