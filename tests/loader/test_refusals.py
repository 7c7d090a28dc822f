"""What the kernel refuses: programs by the verifier, with its whole log under the line; types, with a warning."""

from __future__ import annotations

import dataclasses
import re
import resource
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import programs
import pytest
from run_cli import pyebpf as command
from run_kernel import become_nobody, bpf_ids, in_child, left_over

import pyebpf
from pyebpf.kernel.versions import running_version
from pyebpf.loader.errors import LoadWarning
from pyebpf.loader.load import load_object, raise_memlock
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel
PROBE = """from pyebpf import *

@struct
class Exec:
    number: u64

counts = Hash[u32, Exec](max_entries=4)

@raw_tracepoint("sys_enter")
def probe(ctx):
    counts[1] = Exec(number=ctx.args[0])
    counts[2] = Exec(number=5)
"""
PAST_THE_STACK = b"\x7b\x1a\x08\x00\x00\x00\x00\x00"  # *(u64 *)(r10 + 8) = r1
TOO_LONG_FOR_THE_FIRST_LOG = """
SEC("socket") int probe(void *ctx) {
  volatile u64 place[8]; u64 sum = 0;
#pragma unroll
  for (int i = 0; i < 4000; i++) { place[i & 7] = i; sum += place[i * 3 & 7]; }
  return sum + *(volatile int *)0;
}
"""


@pytest.fixture(scope="module")
def object(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Object:
    path = tmp_path_factory.mktemp("refusals") / "probe.py"
    path.write_text(PROBE)
    return pyebpf.compile(path)


def broken_at(object: pyebpf.Object, line: int) -> pyebpf.Object:
    """The object, with a store behind the end of the stack as the first instruction of a line."""
    [program] = object.programs
    function = program.function
    record = next(record for record in function.lines if record.line == line)
    at = record.offset - function.section_offset
    code = function.code[:at] + PAST_THE_STACK + function.code[at + 8 :]
    function = dataclasses.replace(
        function, code=code, relocations=tuple(r for r in function.relocations if r.offset != at)
    )
    return dataclasses.replace(object, programs=(dataclasses.replace(program, function=function),))


@pytest.mark.parametrize("line", [11, 12])
def test_the_last_complaint_stands_under_its_python_line(object: pyebpf.Object, line: int) -> None:
    before = bpf_ids()
    with pytest.raises(pyebpf.VerifierError) as caught:
        pyebpf.load(broken_at(object, line))
    error = caught.value
    assert (error.program, error.line, Path(error.file).name) == ("probe", line, "probe.py")
    assert error.source_line.strip() == PROBE.splitlines()[line - 1].strip()
    assert "invalid write to stack" in error.complaint and error.complaint in error.log
    assert "(r10 +8) = r1" in error.instruction
    shown = str(error).splitlines()
    assert shown[0] == "error: the kernel's verifier rejects `probe`" and shown[3].startswith(f"{line} | ")
    assert shown[4].strip("| ").startswith("^") and shown[-1].endswith(error.complaint)
    assert isinstance(error, pyebpf.LoadError) and error.reason == "object"
    assert not left_over(before)


def test_a_log_is_whole_however_long() -> None:
    with pytest.raises(pyebpf.VerifierError) as caught:
        load_object(read_object(programs.build(TOO_LONG_FOR_THE_FIRST_LOG)))
    error = caught.value
    assert len(error.log) > 1 << 20, "the first buffer would have been enough"
    assert "\n0: R1=ctx() R10=fp0\n" in error.log[:500] and error.log.rstrip().splitlines()[-1].startswith("processed ")
    assert "invalid mem access" in error.complaint and error.source_line


def test_the_command_line_tells_verifier_errors(tmp_path: Path) -> None:
    path = tmp_path / "rejected.o"
    path.write_bytes(programs.build(programs.REJECTED))
    done = command("run", path, "--for", "0")
    assert done.returncode == 1 and "verifier rejects `probe`" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def unknown_types(object: pyebpf.Object) -> pyebpf.Object:
    """The object with a type's name that no identifier is, which the kernel refuses."""
    elf = object.elf.replace(b"\0Exec\0", b"\0E-ec\0")
    assert elf != object.elf
    return read_object(elf)


def test_types_that_the_kernel_refuses_are_left_out_with_a_warning(unknown_types: pyebpf.Object) -> None:
    with pytest.warns(LoadWarning, match="refuses the object's BTF.*Invalid argument") as caught:
        session = pyebpf.load(unknown_types, attach=False)
    assert [note.filename for note in caught] == [__file__]
    with session:
        session.programs["probe"].test_run(ctx=(7).to_bytes(8, sys.byteorder) * 2)
        assert {key: value.number for key, value in session.maps["counts"].items()} == {1: 7, 2: 5}


def test_types_that_it_takes_need_none(object: pyebpf.Object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pyebpf.load(object, attach=False).close()


def test_a_warning_made_an_error_leaves_nothing(unknown_types: pyebpf.Object) -> None:
    before = bpf_ids()
    with warnings.catch_warnings(), pytest.raises(LoadWarning):
        warnings.simplefilter("error")
        pyebpf.load(unknown_types)
    assert not left_over(before)


def test_the_command_line_says_it_in_one_line(unknown_types: pyebpf.Object, tmp_path: Path) -> None:
    path = tmp_path / "unknown.o"
    unknown_types.save(path)
    done = command("run", path, "--for", "0", "--json")
    assert done.returncode == 0
    [said] = [line for line in done.stderr.splitlines() if "BTF" in line]
    assert said.startswith("pyebpf: the kernel refuses the object's BTF") and said.endswith("(Invalid argument)")


def test_objects_for_other_machines(object: pyebpf.Object) -> None:
    with pytest.raises(pyebpf.LoadError, match="endian machines, and this is none") as caught:
        pyebpf.load(dataclasses.replace(object, big_endian=sys.byteorder == "little"))
    assert caught.value.reason == "object"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value_size": 1 << 31}, "cannot create map counts"),
        ({"type": 200}, "cannot create map counts: Invalid argument"),
        ({"type": 12}, "nothing says what the maps in it are like"),
        ({"pinning": 3}, "counts: pinning 3 is not known"),
    ],
    ids=str,
)
def test_maps_that_cannot_be(object: pyebpf.Object, change: dict[str, int], message: str) -> None:
    before = bpf_ids()
    maps = tuple(dataclasses.replace(spec, **(change if spec.name == "counts" else {})) for spec in object.maps)
    with pytest.raises(pyebpf.LoadError, match=message):
        pyebpf.load(dataclasses.replace(object, maps=maps))
    assert not left_over(before)


@pytest.mark.parametrize(
    ("map", "message", "reason"),
    [
        (
            "Hash[u32, char[4096]](max_entries=2_000_000_000)",
            "it is too large for the kernel: 2,000,000,000 entries of 4,100 bytes, 7.458 TiB",
            "object",
        ),
        (
            "PerCpuHash[u32, char[4096]](max_entries=2_000_000_000)",
            "it is too large for the kernel: 2,000,000,000 entries of 4,100 bytes, 7.458 TiB for each CPU",
            "object",
        ),
        (
            "Array[char[4096]](max_entries=2_147_483_647)",
            "it takes 2,147,483,647 entries of 4,096 bytes, 8 TiB",
            "kernel",
        ),
    ],
    ids=["hash", "per cpu", "array"],
)
def test_maps_that_are_too_large(tmp_path: Path, map: str, message: str, reason: str) -> None:
    path = tmp_path / "large.py"
    path.write_text(f"""
from pyebpf import Array, Hash, PerCpuHash, char, raw_tracepoint, u32

large = {map}

@raw_tracepoint("sys_enter")
def probe(ctx):
    large[1] = "text"
""")
    before = bpf_ids()
    with pytest.raises(pyebpf.LoadError, match=f"^cannot create map large: .*{re.escape(message)}$") as caught:
        pyebpf.load(path)
    assert caught.value.reason == reason
    assert not left_over(before)


def limits_after(prepare: Callable[[], None], call: Callable[[], None]) -> list[int]:
    """RLIMIT_MEMLOCK in a child that had 64 KiB of at most 1 MiB."""

    def child() -> list[int]:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 16, 1 << 20))
        prepare()
        call()
        return list(resource.getrlimit(resource.RLIMIT_MEMLOCK))

    found: list[int] = in_child(child)
    return found


def test_the_limit_of_locked_memory_is_lifted_as_far_as_allowed() -> None:
    """Raising the hard limit takes CAP_SYS_RESOURCE, which not even root has everywhere."""
    assert limits_after(lambda: None, raise_memlock) in ([resource.RLIM_INFINITY] * 2, [1 << 20] * 2)
    assert limits_after(become_nobody, raise_memlock) == [1 << 20] * 2


def test_it_is_let_alone_where_it_does_not_count(object: pyebpf.Object) -> None:
    """Maps count as locked memory before 5.11 only."""
    running = running_version()
    assert running is not None
    after = limits_after(lambda: None, lambda: pyebpf.load(object, attach=False).close())
    assert (after == [1 << 16, 1 << 20]) == (running >= (5, 11))
