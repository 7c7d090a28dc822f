"""What the kernel refuses: programs by the verifier, with its whole log under the line; types, with a warning."""

from __future__ import annotations

import dataclasses
import re
import resource
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import programs
import pytest
import refused_programs
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
LONG = """
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
    assert shown[0].startswith("error: the kernel's verifier rejects `probe`: access outside of the stack")
    assert shown[3].startswith(f"{line} | ") and shown[4].strip("| ").startswith("^")
    assert f"   = verifier: {error.complaint}" in shown and "a fault of pyebpf's" in shown[-1]
    assert isinstance(error, pyebpf.LoadError) and error.reason == "object"
    assert not left_over(before)


def test_a_log_is_whole_however_long() -> None:
    with pytest.raises(pyebpf.VerifierError) as caught:
        load_object(read_object(programs.build(LONG)))
    error = caught.value
    assert len(error.log) > 1 << 20 and not error.cut
    assert "\n0: R1=ctx() R10=fp0\n" in error.log[:500] and error.log.rstrip().splitlines()[-1].startswith("processed ")
    assert "invalid mem access" in error.complaint and error.source_line


@pytest.mark.parametrize("name", refused_programs.names())
def test_programs_with_a_mistake(name: str) -> None:
    said = refused_programs.said(name)
    try:
        load_object(read_object(refused_programs.build(name))).close()
    except pyebpf.VerifierError as error:
        assert error.refusal.kind in said["complaint"].split(", ")
        assert said["complaint"] == "stack-size" or Path(error.file).name == f"{name}.bpf.c"
    else:
        assert "taken" in said


def lines_of(name: str) -> tuple[dict[int, str], int]:
    """What is told of each line before the refused one, and which that is."""
    with pytest.raises(pyebpf.VerifierError) as caught:
        load_object(read_object(refused_programs.build(name)))
    causes = caught.value.refusal.causes
    return {sign.line.line: sign.label for sign in causes if sign.line is not None}, caught.value.line


def test_where_a_value_is_from() -> None:
    assert lines_of("null_lookup") == ({8: "R0 is set here: a value of map counts (8 bytes), or null"}, 9)
    assert lines_of("value_spilled") == ({8: "R0 is set here: a value of map counts (8 bytes), or null"}, 11)
    assert lines_of("called_function") == ({13: "R0 is set here: a value of map counts (8 bytes), or null"}, 8)


def test_where_bounds_are_from() -> None:
    labels, line = lines_of("index_large")
    assert line == 12 and labels[10] == "from here on R7 is 0 to 16" and "added here: 0 to 128" in labels[12]
    assert lines_of("packet_short") == ({7: "this test makes the packet's first 14 bytes known"}, 9)
    assert lines_of("size_negative") == ({8: "from here on R2 is any number up to 64, also negative ones"}, 10)


def test_where_it_was_lost_or_taken() -> None:
    labels, line = lines_of("packet_changed")
    assert line == 10 and labels[9].startswith("this may move the packet")
    assert lines_of("ring_leak")[0] == {10: "taken here"}
    assert lines_of("lock_held")[0] == {12: "locked here"}


def test_logs_in_a_file(tmp_path: Path) -> None:
    """Of programs that are taken, too; nobody else can read it, and no link is followed."""
    good, bad, log = tmp_path / "good.o", tmp_path / "bad.o", tmp_path / "log"
    good.write_bytes(programs.build(programs.CALLS))
    bad.write_bytes(refused_programs.build("null_lookup"))
    pyebpf.load(good, attach=False, verifier_log=log).close()
    text = log.read_text()
    assert text.startswith("program one: accepted\n") and "\nprogram two: accepted\n" in text
    assert text.count("\nprocessed ") == 2 and stat.S_IMODE(log.stat().st_mode) == 0o600
    with pytest.raises(pyebpf.VerifierError) as caught:
        pyebpf.load(bad, verifier_log=log)
    assert log.read_text() == f"program probe: refused\n{caught.value.log}\n"
    caught.value.save_log(log)
    assert log.read_text() == caught.value.log
    (tmp_path / "link").symlink_to(log)
    with pytest.raises(OSError, match="link"):
        pyebpf.load(bad, verifier_log=tmp_path / "link")
    done = command("run", bad, "--for", "0", "--verifier-log", log)
    assert done.returncode == 1 and log.read_text().startswith("program probe: refused\n")
    assert "what may be null is used without a test" in done.stderr and not done.stderr.startswith("pyebpf:")


def test_logs_where_memory_is_short() -> None:
    """The buffer for the log is as large as this process may have."""

    def child() -> tuple[str, bool]:
        # What is mapped by now, and 64 MiB.
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20),) * 2)
        try:
            load_object(read_object(rejected))
        except pyebpf.VerifierError as error:
            return error.complaint, error.cut
        return "", True

    rejected = programs.build(programs.REJECTED)
    complaint, cut = in_child(child)
    assert "invalid mem access" in complaint and not cut


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
