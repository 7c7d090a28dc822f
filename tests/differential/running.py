"""Runs a generated program twice: in the kernel by test_run, and its reference in CPython."""

from __future__ import annotations

import linecache
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pyebpf import compiler
from pyebpf.building import Building, Built
from pyebpf.checks import Checked, check_module
from pyebpf.codegen import Worker, emit_module
from pyebpf.ir.validate import validate
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.versions import Version, instruction_set
from pyebpf.lang.types import i8, i16, i32, i64, u8, u16, u32, u64
from pyebpf.loader import sys
from pyebpf.loader.load import LoadedObject, load_object
from pyebpf.object.read import read_object
from pyebpf.object.specs import Object
from pyebpf.runtime.programs import Program
from pyebpf.transform import optimize

if TYPE_CHECKING:
    from simulated import Twin

Check: TypeAlias = Callable[[int | None], Checked]
ENTRY: Final = struct.Struct("=QqIiHhBb?x8H8s")
NAMES: Final = ("a", "b", "c", "d", "e", "f", "g", "h", "k")
OUTPUTS: Final = 24
PACKET: Final = bytes(64)
FAULT_RESULT: Final = 2
"""XDP.PASS, after a fault."""
SPARE: Final = 256
"""Bytes that a packet may grow by."""
MASK: Final = (1 << 64) - 1
IMPORTS: Final = """\
from pyebpf import (
    ETH_P_IP, XDP, Array, Ethernet, Global, Hash, IPv4, RingBuf, Tcp, be16, char, function, i8, i16, i32, i64, struct,
    u8, u16, u32, u64, xdp,
)

"""


@dataclass
class Outcome:
    """What one run left behind."""

    outputs: list[int]
    fault: str
    """`IndexError 17`, or "" if there was none."""
    entry: tuple[Any, ...]
    table: dict[int, int]


@dataclass(frozen=True)
class Inputs:
    """An Entry, and what is in the table at first."""

    numbers: tuple[int, ...]
    array: tuple[int, ...]
    name: str
    table: dict[int, int] = field(default_factory=dict)

    def pack(self) -> bytes:
        return ENTRY.pack(*self.numbers, *self.array, self.name.encode())


def wrap_u64(value: int) -> int:
    return value & MASK


def wrap_i64(value: int) -> int:
    value &= MASK
    return value - (1 << 64) if value >> 63 else value


def shift_left(value: int, count: int) -> int:
    if count < 0:
        raise ValueError("negative shift count")
    return value << count if count < 64 else value << 64


def shift_right(value: int, count: int) -> int:
    if count < 0:
        raise ValueError("negative shift count")
    return value >> min(count, 64)


def old(table: dict[int, int], key: int) -> tuple[int, int]:
    """What Python reads first of `table[key] += …`."""
    return key, table.get(key, 0)


def put(table: dict[int, int], before: tuple[int, int], amount: int) -> None:
    """And writes last."""
    table[before[0]] = wrap_i64(before[1] + amount)


def run_python(text: str, inputs: Inputs) -> Outcome:
    """Run the reference."""
    entry = SimpleNamespace(**dict(zip(NAMES, inputs.numbers, strict=True)), v=list(inputs.array), name=inputs.name)
    out, table = SimpleNamespace(v=[0] * OUTPUTS), dict(inputs.table)
    scope: dict[str, Any] = {
        "i8": i8, "i16": i16, "i32": i32, "i64": i64, "u8": u8, "u16": u16, "u32": u32, "u64": u64,
        "wrap_u64": wrap_u64, "wrap_i64": wrap_i64, "shift_left": shift_left, "shift_right": shift_right,
        "old": old, "put": put,
        "inputs": [entry], "outputs": [out], "table": table, "Pair": SimpleNamespace,
        "plain": lambda function: function,
    }  # fmt: skip
    exec(compile(text, "<reference>", "exec"), scope)
    fault = ""
    try:
        scope["probe"](None)
    except (KeyError, IndexError, ZeroDivisionError, AssertionError, ValueError) as error:
        trace = error.__traceback__
        line = 0
        while trace is not None:
            line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == "<reference>" else line
            trace = trace.tb_next
        fault = f"{type(error).__name__} {line}"
    numbers = tuple(int(getattr(entry, name)) for name in NAMES)
    return Outcome(
        [int(value) for value in out.v], fault, (*numbers, *map(int, entry.v)), {k: int(v) for k, v in table.items()}
    )


def _contents(loaded: LoadedObject, name: str, size: int) -> bytes:
    return sys.map_lookup(loaded.maps[name].fd, bytes(4), size) or b""


def forced(path: Path, loops: Literal["bounded", "callback"] | None = None) -> str:
    """The module at `path` in LLVM's words, with every loop done in the same way; or as it is tried first."""
    module = compiler._module(compiler.resolve(path), None)
    validate(module)
    return emit_module(optimize(check_module(module, None, loops))).text


@contextmanager
def written(text: str) -> Iterator[Path]:
    """A file with `text`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "probe.py")
        path.write_text(text)
        linecache.clearcache()  # which would grow with every program
        yield path


def checks(path: Path, target: Version | None, types: Btf | None = None) -> Check:
    """Checks the module at `path`, as often as it is asked to."""
    return compiler._checks(compiler.resolve(path), types, target, None)


class Kernel:
    """Compiles probes with one code generator, and runs them."""

    def __init__(
        self, worker: Worker, target: Version | None = None, loops: Literal["bounded", "callback"] | None = None
    ) -> None:
        """`target`: the kernel to compile for; the newest if it isn't given. `loops`: how every loop is done."""
        self.worker = worker
        self.loops = loops
        self.target = target
        self.cpu = "v3" if target is None else instruction_set(target)

    def compile_file(self, path: Path) -> bytes:
        """The object of the module at `path`."""
        if self.loops is not None:
            return self.worker.compile(forced(path, self.loops), self.cpu)
        return self.build(checks(path, self.target)).elf

    def build(self, check: Check) -> Object:
        """The object of a module, which may be checked already."""
        return self.built(check).object

    def built(self, check: Check) -> Built:
        """The same with what the verifier is expected to do."""
        if not self.worker.alive:  # LLVM ended it
            self.worker = Worker.start()
        with Building(self.cpu, self.target, self.worker) as building:
            return building.build(check)

    def compile(self, text: str) -> bytes:
        """The object of a module."""
        with written(text) as path:
            return self.compile_file(path)

    def run(self, text: str, cases: list[Inputs]) -> list[Outcome]:
        """Compile, load, and run once for each case."""
        return self.run_object(read_object(self.compile(text)), cases)

    def run_object(self, object: Object, cases: list[Inputs]) -> list[Outcome]:
        """Load, and run once for each case."""
        with load_object(object) as loaded:
            return [self._run_case(loaded, case) for case in cases]

    def _run_case(self, loaded: LoadedObject, case: Inputs) -> Outcome:
        for name, size in (("inputs", ENTRY.size), ("outputs", 8 * OUTPUTS)):
            if name in loaded.maps:
                sys.map_update(loaded.maps[name].fd, bytes(4), case.pack() if name == "inputs" else bytes(size))
        table = loaded.maps.get("table")
        if table is not None:
            for key in range(8):
                sys.map_delete(table.fd, struct.pack("=I", key))
            for key, value in case.table.items():
                sys.map_update(table.fd, struct.pack("=I", key), struct.pack("=q", value))
        before = self._faults(loaded)
        result = sys.prog_test_run(loaded.programs["probe"].fd, PACKET)[0]
        counted = [now - old for now, old in zip(self._faults(loaded), before, strict=True)]
        fault = self._fault(loaded, counted)
        assert (result == FAULT_RESULT) == bool(fault), f"result {result}, fault {fault!r}"
        outputs = list(struct.unpack(f"={OUTPUTS}Q", _contents(loaded, "outputs", 8 * OUTPUTS)))
        entry = ENTRY.unpack(_contents(loaded, "inputs", ENTRY.size))[:-1]
        return Outcome(outputs, fault, tuple(map(int, entry)), self._table(loaded, case))

    def _table(self, loaded: LoadedObject, case: Inputs) -> dict[int, int]:
        if "table" not in loaded.maps:
            return dict(case.table)
        fd = loaded.maps["table"].fd
        found = {key: sys.map_lookup(fd, struct.pack("=I", key), 8) for key in range(8)}
        return {key: struct.unpack("=q", value)[0] for key, value in found.items() if value is not None}

    def _faults(self, loaded: LoadedObject) -> list[int]:
        metadata = loaded.spec.metadata
        assert metadata is not None
        if metadata.faults is None:
            return []
        cell = metadata.faults
        section = loaded.variables[cell.section]
        data = sys.map_lookup(section.fd, bytes(4), section.spec.value_size) or b""
        count = len(metadata.fault_sites)
        return list(struct.unpack_from(f"={count}Q", data, cell.offset))

    def _fault(self, loaded: LoadedObject, counted: list[int]) -> str:
        metadata = loaded.spec.metadata
        assert metadata is not None
        found = [site for site, count in zip(metadata.fault_sites, counted, strict=True) if count]
        assert sum(counted) <= 1, counted
        return f"{found[0].kind} {found[0].line}" if found else ""


@dataclass
class Probe:
    """A loaded program named `probe`, with its Global `out` if it has one."""

    loaded: LoadedObject
    twin: Twin | None = None
    """The same program in the simulator, whose answers must be the same."""

    def run(self, packet: bytes = bytes(64)) -> int:
        return self.changed(packet)[0]

    def changed(self, packet: bytes) -> tuple[int, bytes]:
        """The result, and the packet as the program left it."""
        result, data, _ = sys.prog_test_run(self.loaded.programs["probe"].fd, packet, output_size=len(packet) + SPARE)
        if self.twin is not None:
            assert (result, data) == self.twin.run(packet), "the kernel's answer, and the simulator's"
        return result, data

    def put(self, map: str, key: bytes, value: bytes) -> None:
        """Write an entry."""
        sys.map_update(self.loaded.maps[map].fd, key, value)
        if self.twin is not None:
            self.twin.put(map, key, value)

    def variable(self, name: str, kind: str = "=Q") -> int:
        value = self._variable(name, kind)
        if self.twin is not None:
            assert value == self.twin.variable(name, kind), f"{name} in the kernel, and in the simulator"
        return value

    def _variable(self, name: str, kind: str) -> int:
        metadata = self.loaded.spec.metadata
        assert metadata is not None
        (cell,) = (info.cell for info in metadata.variables if info.name == name)
        section = self.loaded.variables[cell.section]
        data = sys.map_lookup(section.fd, bytes(4), section.spec.value_size) or b""
        return int(struct.unpack_from(kind, data, cell.offset)[0])

    def out(self, kind: str = "=Q") -> int:
        return self.variable("out", kind)

    def entry(self, name: str, key: int, kind: str = "=Q") -> int:
        """A map's value at a u32 key."""
        value = sys.map_lookup(self.loaded.maps[name].fd, struct.pack("=I", key), struct.calcsize(kind))
        assert value is not None
        return int(struct.unpack(kind, value)[0])

    def verified(self) -> int:
        """How many instructions the verifier went through (5.16)."""
        return Program(self.loaded.programs["probe"]).stats.verified_instructions

    def faults(self) -> dict[str, int]:
        found = self._faults()
        if self.twin is not None:
            assert found == self.twin.faults(), "the kernel's faults, and the simulator's"
        return found

    def _faults(self) -> dict[str, int]:
        metadata = self.loaded.spec.metadata
        assert metadata is not None
        if metadata.faults is None:
            return {}
        section = self.loaded.variables[metadata.faults.section]
        data = sys.map_lookup(section.fd, bytes(4), section.spec.value_size) or b""
        counts = struct.unpack_from(f"={len(metadata.fault_sites)}Q", data, metadata.faults.offset)
        found: dict[str, int] = {}
        for site, count in zip(metadata.fault_sites, counts, strict=True):
            if count:
                found[site.kind] = found.get(site.kind, 0) + count
        return found
