"""Functions of running programs: by their own tables of symbols, and by debug files."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from waiting_programs import NAMES, SOURCE, build, running

from pyebpf.symbols import Symbols
from pyebpf.symbols.mappings import read_maps


@pytest.fixture
def symbols():  # type: ignore[no-untyped-def]
    with Symbols() as found:
        yield found


@pytest.mark.parametrize("options", [("-pie",), ("-no-pie",), ("-static",), ("-static-pie",)], ids=" ".join)
def test_functions_are_where_the_program_says(symbols: Symbols, tmp_path: Path, options: tuple[str, ...]) -> None:
    program = build(tmp_path / "program", *options)
    with running(program) as (pid, addresses):
        frames = [symbols.user(pid, [address])[0] for address in addresses]
        assert [frame.name for frame in frames] == NAMES
        assert [frame.address for frame in frames] == addresses
        assert {(frame.offset, frame.kind) for frame in frames} == {(0, "user")}
        static = any("static" in option for option in options)
        assert [frame.module for frame in frames[:3]] == [str(program)] * 3
        assert (frames[3].module == str(program)) == static
        inner, outer = symbols.user(pid, [addresses[2], addresses[1]])
        assert inner.name == "hidden" and inner.offset == 0
        assert outer.name != "visible"  # what returns to its beginning was called by what lies before
        assert symbols.user(pid, [addresses[2], addresses[1] + 1])[1].name == "visible"


def test_it_is_as_nm_says(symbols: Symbols, tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    listed = subprocess.run(["nm", program], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    functions = {line.split()[2]: int(line.split()[0], 16) for line in listed if " T " in line or " t " in line}
    with running(program) as (pid, addresses):
        base = addresses[0] - functions["main"]
        assert {"_start", "visible", "hidden"} < functions.keys()
        for name, place in functions.items():
            found = symbols.user(pid, [base + place])[0].name
            assert functions[found.partition("@")[0]] == place, name


@pytest.mark.parametrize(
    "options", [("-Wl,-z,now",), ("-Wl,-z,lazy",), ("-Wl,-z,lazy", "-fcf-protection", "-Wl,-z,ibtplt")]
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="options of one machine")
def test_jumps_to_libraries_are_named_as_objdump_does(
    symbols: Symbols, tmp_path: Path, options: tuple[str, ...]
) -> None:
    program = build(tmp_path / "program", "-s", *options)
    listed = subprocess.run(["objdump", "-d", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    # what the program takes the address of, and what is called at most once, are in a table of their own
    jumps = [line.split() for line in listed.splitlines() if line.endswith(("<printf@plt>:", "<fflush@plt>:"))]
    assert len(jumps) == 2
    with running(program) as (pid, _):
        base = min(each.start - each.offset for each in read_maps(pid) if each.path == bytes(program))
        for place, name in jumps:
            [frame] = symbols.user(pid, [base + int(place, 16) + 4])
            assert (frame.name, frame.offset) == (name.strip("<>:"), 4)


def test_addresses_outside_of_functions_are_unknown(symbols: Symbols, tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    with running(program) as (pid, addresses):
        for address in (0, 1, addresses[0] | 0xFFF_FFFF_FFFF, 2**63, 2**64 - 1):
            [frame] = symbols.user(pid, [address])
            assert (frame.name, frame.kind, frame.address, frame.module) == ("[unknown]", "unknown", address, "")
    [frame] = symbols.user(2**22 + 1, [addresses[0]])
    assert frame.name == "[unknown]"


def test_stripped_programs_have_what_they_export(symbols: Symbols, tmp_path: Path) -> None:
    program = build(tmp_path / "program", "-s", "-rdynamic")
    with running(program) as (pid, addresses):
        names = [symbols.user(pid, [address])[0].name for address in addresses]
    assert names == ["main", "visible", "[unknown]", "read"]


def _split(program: Path, debug: Path, link: Path | None) -> None:
    """Move the symbols to a file of their own."""
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    subprocess.run(["strip", "-s", program], check=True)
    if link is not None:
        subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", program, link], check=True)


def test_debug_files_are_found_by_build_id(symbols: Symbols, tmp_path: Path) -> None:
    source = SOURCE + f"/* {tmp_path} */ int number = {os.getpid()};"
    program = build(tmp_path / "program", "-Wl,--build-id", source=source)
    notes = subprocess.run(["readelf", "-n", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    number = notes.split("Build ID: ")[1].split()[0]
    folder = Path("/usr/lib/debug/.build-id") / number[:2]
    before = next(each for each in (folder, *folder.parents) if each.exists())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _split(program, folder / f"{number[2:]}.debug", None)
        with running(program) as (pid, addresses):
            frames = [symbols.user(pid, [address])[0] for address in addresses]
        assert [frame.name for frame in frames] == NAMES
        assert frames[0].module == str(program)
    finally:
        (folder / f"{number[2:]}.debug").unlink()
        while folder != before:
            folder.rmdir()
            folder = folder.parent


@pytest.mark.parametrize("place", [".", ".debug"])
@pytest.mark.parametrize("build_id", ["none", "sha1"])
def test_debug_files_are_found_by_name(symbols: Symbols, tmp_path: Path, place: str, build_id: str) -> None:
    program = build(tmp_path / "whole", f"-Wl,--build-id={build_id}")
    (tmp_path / place).mkdir(exist_ok=True)
    debug = tmp_path / place / "program.debug"
    _split(program, debug, tmp_path / "program")
    with running(tmp_path / "program") as (pid, addresses):
        assert [symbols.user(pid, [address])[0].name for address in addresses] == NAMES


@pytest.mark.parametrize("build_id", ["none", "sha1"])
def test_debug_files_of_another_program_are_left_alone(symbols: Symbols, tmp_path: Path, build_id: str) -> None:
    program = build(tmp_path / "whole", f"-Wl,--build-id={build_id}")
    debug = tmp_path / "program.debug"
    _split(program, debug, tmp_path / "program")
    other = build(tmp_path / "other", f"-Wl,--build-id={build_id}", source="int number;" + SOURCE.replace("* 3", "* 4"))
    shutil.copy(other, debug)
    with running(tmp_path / "program") as (pid, addresses):
        assert [symbols.user(pid, [address])[0].name for address in addresses[:3]] == ["[unknown]"] * 3


def test_symbols_that_are_packed_in_the_program_are_found(symbols: Symbols, tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    small = tmp_path / "small"
    keep = ["--keep-symbol=hidden", "--keep-symbol=visible", "--keep-symbol=main"]
    subprocess.run(["objcopy", "-S", "--remove-section=.comment", *keep, program, small], check=True)
    subprocess.run(["xz", "-k", small], check=True)
    subprocess.run(["strip", "-s", program], check=True)
    subprocess.run(["objcopy", f"--add-section=.gnu_debugdata={small}.xz", program], check=True)
    with running(program) as (pid, addresses):
        assert [symbols.user(pid, [address])[0].name for address in addresses] == NAMES


def test_the_kernels_own_library_is_known(symbols: Symbols, tmp_path: Path) -> None:
    lookup = 'dlsym(dlopen("linux-vdso.so.1", RTLD_NOLOAD | RTLD_LAZY), "__vdso_clock_gettime")'
    source = "#include <dlfcn.h>\n" + SOURCE.replace("(void *)read)", f"{lookup})")
    with running(build(tmp_path / "program", "-D_GNU_SOURCE", source=source)) as (pid, addresses):
        [frame] = symbols.user(pid, [addresses[3]])
    assert frame.name in ("clock_gettime", "__vdso_clock_gettime")
    assert (frame.module, frame.offset) == ("[vdso]", 0)


def test_names_of_files_are_shown_without_what_terminals_obey(symbols: Symbols, tmp_path: Path) -> None:
    program = build(tmp_path / "a\nb c\x1b[31m \\012")
    with running(program) as (pid, addresses):
        [frame] = symbols.user(pid, addresses[:1])
    assert frame.name == "main"
    assert frame.module.isprintable() and "\\n" in frame.module


def test_another_program_by_exec_is_noticed(symbols: Symbols, tmp_path: Path) -> None:
    other = build(tmp_path / "other", "-no-pie", source=SOURCE.replace("hidden", "renamed").replace("visible", "seen"))
    again = f'if (count > 1 && read(0, &byte, 1) > 0) execl("{other}", "other", (char *)0);'
    first = build(tmp_path / "first", "-no-pie", source=SOURCE.replace("char byte;", f"char byte; {again}"))
    pipe = subprocess.PIPE
    with subprocess.Popen([first, "more"], stdin=pipe, stdout=pipe) as process:
        assert process.stdin and process.stdout
        addresses = [int(word, 16) for word in process.stdout.readline().split()]
        assert symbols.user(process.pid, [addresses[2]])[0].name == "hidden"
        process.stdin.write(b"x")
        process.stdin.flush()
        addresses = [int(word, 16) for word in process.stdout.readline().split()]
        symbols._processes.get(process.pid).read_at = 0  # type: ignore[union-attr]
        assert symbols.user(process.pid, [addresses[2]])[0].name == "renamed"
        process.stdin.close()
