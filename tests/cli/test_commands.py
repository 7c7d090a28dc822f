"""The command line as a process: exit codes, output, and how little it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import multiplying
import pytest

from pyebpf.compiler import compile_target, lower_target
from pyebpf.effort import measure, rules_for

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
WRONG = """from pyebpf import tracepoint, pid

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    x = pidd()
    for i in range(ctx.id):
        pass
"""


def pyebpf(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyebpf", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.py"
    path.write_text(WRONG)
    return path


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pyebpf.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('lark', 'llvmlite', 'elftools', 'rich', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "inspect" in done.stdout


def test_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert pyebpf("compile").returncode == 2
    assert pyebpf("fly").returncode == 2
    assert pyebpf("run", tmp_path / "missing.py").returncode == 2
    assert pyebpf("explain", "E9999").returncode == 2


@pytest.mark.parametrize(
    ("option", "values"), [("--attach", ["firewall=lo", "firewall=eth0"]), ("--set", ["limit=1", "other=1", "limit=1"])]
)
def test_what_is_given_twice_is_not_dropped(option: str, values: list[str]) -> None:
    done = pyebpf("run", SAMPLES / "xdp_firewall.py", *(part for value in values for part in (option, value)))
    first, last = (values[index].partition("=") for index in (0, -1))
    assert done.returncode == 2
    assert f"{option} {first[0]} is given twice, with {first[2]} and with {last[2]}" in done.stderr


def test_check_tells_bounds_and_needs() -> None:
    done = pyebpf("check", SAMPLES / "execsnoop.py", "--json")
    assert done.returncode == 0
    [program] = json.loads(done.stdout)["programs"]
    assert program["name"] == "on_execve" and 0 < program["worst_case"] < 1000 and program["stack"] <= 512
    assert {"name": "probe_read_kernel", "since": "5.5", "gpl": True} in program["helpers"]


def test_check_tells_what_the_verifier_goes_through_and_the_loops_of_the_plan_that_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "multiplying.py"
    path.write_text(multiplying.PROGRAM)
    report = lower_target(path).reports[0]
    assert "bounded" in {loop.strategy for loop in report.loops}, "as the first plan has them"
    [program] = json.loads(pyebpf("check", path, "--json").stdout)["programs"]
    made = compile_target(path)
    assert program["followed"] == measure(made, made.programs[0], 1_000_000, rules_for(None)).instructions
    assert {loop["strategy"] for loop in program["loops"]} == {"callback"}, "as the object has them"
    assert {"name": "loop", "since": "5.17", "gpl": False} in program["helpers"]
    done = pyebpf("check", path).stdout
    figure = f"{program['followed']:,}"
    assert f"instructions  the verifier goes through about {figure} of 1,000,000 (followed)" in done
    assert "estimated" not in done and "bpf_loop" in done
    assert "loop (Linux 5.17)" in done
    [small] = json.loads(pyebpf("check", SAMPLES / "syscount.py", "--json").stdout)["programs"]
    assert small["followed"] is None


def test_wrong_programs_are_exit_code_1(wrong: Path) -> None:
    done = pyebpf("check", wrong)
    assert done.returncode == 1
    assert "wrong.py:5:9" in done.stderr and "Traceback" not in done.stderr


def test_diagnostics_as_json_have_ranges_of_editors(wrong: Path) -> None:
    done = pyebpf("check", wrong, "--json")
    assert done.returncode == 1
    [found] = json.loads(done.stdout)["diagnostics"]
    assert found["range"] == {"start": {"line": 4, "character": 8}, "end": {"line": 4, "character": 12}}
    assert found["code"] == "E0301"


@pytest.mark.parametrize("stage", ["ast", "ir", "llvm", "asm"])
def test_every_stage_can_be_shown(stage: str) -> None:
    done = pyebpf("compile", SAMPLES / "syscount.py", "--emit", stage)
    assert done.returncode == 0, done.stderr
    assert "on_syscall" in done.stdout


def test_compile_writes_beside_the_source_or_where_told(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text((SAMPLES / "syscount.py").read_text())
    assert pyebpf("compile", probe).returncode == 0
    assert pyebpf("compile", probe, "-o", tmp_path / "other.o").returncode == 0
    assert (tmp_path / "probe.o").read_bytes() == (tmp_path / "other.o").read_bytes()


def test_inspect_shows_programs_and_maps(tmp_path: Path) -> None:
    assert pyebpf("compile", SAMPLES / "execsnoop.py", "-o", tmp_path / "e.o").returncode == 0
    found = json.loads(pyebpf("inspect", tmp_path / "e.o", "--json").stdout)
    assert found["programs"][0]["hook"] == "tracepoint"
    assert found["programs"][0]["core_relocations"]
    assert [item["name"] for item in found["maps"] if item["kind"]] == ["execs"]
    text = pyebpf("inspect", tmp_path / "e.o", "--disassemble").stdout
    assert "event.pid = pid()" in text and "ringbuf_reserve" in text


EXTERNS = """from pyebpf import Array, raw_tracepoint, u64
from pyebpf.kconfig import CONFIG_BPF, CONFIG_HZ
from pyebpf.ksyms import vfs_read

seen = Array[u64](max_entries=2)

@raw_tracepoint("sys_enter")
def probe(ctx):
    if CONFIG_BPF:
        seen[0] = CONFIG_HZ
    seen[1] = vfs_read
"""


def test_inspect_shows_what_is_left_to_the_loader(tmp_path: Path) -> None:
    probe, made = tmp_path / "probe.py", tmp_path / "probe.o"
    probe.write_text(EXTERNS)
    assert pyebpf("compile", probe, "-o", made).returncode == 0
    expected = [("vfs_read", ".ksyms", "address", False), ("CONFIG_BPF", ".kconfig", "tristate", True)]
    found = json.loads(pyebpf("inspect", made, "--json").stdout)["externs"]
    values = [tuple(item[key] for key in ("name", "section", "kind", "weak")) for item in found]
    assert values == [*expected, ("CONFIG_HZ", ".kconfig", "integer", True)]
    lines = [line.split() for line in pyebpf("inspect", made).stdout.splitlines()]
    assert ["vfs_read", ".ksyms", "address", "not", "loaded"] in lines
    assert ["CONFIG_BPF", ".kconfig", "tristate", "0"] in lines


@pytest.mark.kernel
@pytest.mark.parametrize(("truth", "hertz"), [("y", 17), ("true", 17), ("m", 17), ("n", 0), ("0", 0)])
def test_options_of_the_kernel_are_set(tmp_path: Path, truth: str, hertz: int) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(EXTERNS)
    given = ("--set", f"CONFIG_BPF={truth}", "--set", "CONFIG_HZ=0x11")
    done = pyebpf("run", probe, "--for", "0.1", "--json", *given)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])["maps"]["seen"]
    assert str(seen).count("17") == (1 if hertz else 0)


def test_inspect_of_nonsense_is_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "nonsense.o"
    path.write_bytes(b"\x7fELF" + bytes(100))
    done = pyebpf("inspect", path)
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_a_module_that_raises_is_shown_on_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "raises.py"
    path.write_text("import pyebpf\n\nx = 1 // 0\n")
    done = pyebpf("check", path)
    assert done.returncode == 1
    assert "raises.py:3" in done.stderr and "ZeroDivisionError" in done.stderr and "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m pyebpf compile samples/execsnoop.py --emit llvm | head -n 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr and "Broken" not in done.stderr


def test_check_says_which_kernel_it_needs_and_what_for() -> None:
    done = pyebpf("check", SAMPLES / "execsnoop.py")
    assert "needs         Linux 5.8, for the RingBuf `execs`" in done.stdout
    assert json.loads(pyebpf("check", "--json", SAMPLES / "execsnoop.py").stdout)["programs"][0]["since"] == "5.8"


def test_compile_for_an_older_kernel(tmp_path: Path) -> None:
    out = tmp_path / "out.o"
    assert pyebpf("compile", "--kernel", "5.4", SAMPLES / "execsnoop.py", "-o", out).returncode == 1
    assert not out.exists()
    assert pyebpf("compile", "--kernel", "5.8.0-rc1", SAMPLES / "execsnoop.py", "-o", out).returncode == 0
    refused = pyebpf("compile", "--kernel", "old", SAMPLES / "execsnoop.py", "-o", out)
    assert refused.returncode == 2
    assert "'old' is not a kernel version" in refused.stderr


def test_the_instruction_set_is_the_newest_that_the_kernel_has() -> None:
    """Signed division is an instruction since v4, of Linux 6.6; before, it takes several."""
    from pyebpf.kernel.versions import instruction_set

    assert [instruction_set(version) for version in ((4, 9), (4, 14), (5, 1), (6, 5), (6, 6), (7, 3))] == [
        "v1", "v2", "v3", "v3", "v4", "v4",
    ]  # fmt: skip


def test_check_lists_what_runs_the_rounds_over_a_map(tmp_path: Path) -> None:
    path = tmp_path / "entries.py"
    path.write_text("""
from pyebpf import Global, Hash, raw_tracepoint, u32, u64

counts, total = Hash[u32, u64](max_entries=4), Global[u64](0)

@raw_tracepoint("sys_enter")
def probe(ctx):
    for key, count in counts.items():
        total.value += count
""")
    [program] = json.loads(pyebpf("check", path, "--json").stdout)["programs"]
    assert {"name": "for_each_map_elem", "since": "5.13", "gpl": False} in program["helpers"]


def test_an_object_where_python_should_be(tmp_path: Path) -> None:
    path = tmp_path / "syscount.o"
    assert pyebpf("compile", SAMPLES / "syscount.py", "-o", path).returncode == 0
    for command in ("check", "compile"):
        done = pyebpf(command, path)
        assert done.returncode == (1 if command == "check" else 2)
    done = pyebpf("compile", path, "-o", tmp_path / "out.o")
    assert done.returncode == 1 and not (tmp_path / "out.o").exists()
    assert done.stderr == (
        f"pyebpf: {path} is an object, and no Python source; `pyebpf inspect {path}` shows what is in it\n"
    )


def test_what_is_no_object_of_bpf_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.o"
    path.write_text("text")
    assert pyebpf("inspect", path).stderr == f"pyebpf: {path}: not an ELF file\n"
    done = pyebpf("inspect", sys.executable)
    assert done.returncode == 1
    assert done.stderr.startswith(f"pyebpf: {sys.executable}: an ELF file for machine ")
    assert pyebpf("run", sys.executable).stderr == done.stderr


@pytest.mark.parametrize("command", ["check", "compile", "run", "inspect"])
def test_only_regular_files_are_read(tmp_path: Path, command: str) -> None:
    """A pipe would be waited for until somebody writes."""
    pipe = tmp_path / "pipe.py"
    os.mkfifo(pipe)
    done = pyebpf(command, pipe)
    assert done.returncode == 2 and f"'{pipe}' is not a regular file" in done.stderr
    assert pyebpf(command, "/dev/zero").returncode == 2
    assert pyebpf(command, tmp_path).returncode == 2
    assert pyebpf("check", SAMPLES / "syscount.py", "--btf", pipe).returncode == 2


@pytest.mark.parametrize("arguments", [("--emit", "asm"), ("-o", "-")])
def test_standard_output_that_is_full(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "pyebpf", "compile", str(SAMPLES / "syscount.py"), *arguments]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2 and done.stderr == "pyebpf: standard output: No space left on device\n"
