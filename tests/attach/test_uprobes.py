"""Probes in programs and libraries that the tests build: at functions, where they return, and in a session of both."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from native import build, build_steps, running
from run_kernel import bpf_ids, held_elsewhere

import pyebpf
from pyebpf import Config, Global, Hash, i8, i16, i32, i64, ktime_ns, pid, u8, u16, u32, u64, uprobe, uretprobe
from pyebpf.kfuncs import bpf_session_cookie, bpf_session_is_return
from pyebpf.loader.attach import uprobe_symbols

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]

ADD = """
__attribute__((noinline))
int add(int a, signed char b, unsigned short c, long d, unsigned e, _Bool f, int g, signed char h)
{ __asm__ volatile("" ::: "memory"); return a - b; }
static void step(void) { add(-5, -3, 65535, 1L << 40, 7, 1, -77, -8); }
"""
only = Config[u32](0)
values = Hash[u32, i64](max_entries=16)
results = Hash[i32, u64](max_entries=16)
calls = Global[u64](0)
times = Hash[u32, u64](max_entries=16)


@uprobe
def arguments(a: i32, b: i8, c: u16, d: i64, e: u32, f: bool, g: i32, h: i8):
    values[0] = a
    values[1] = b
    values[2] = c
    values[3] = d
    values[4] = e
    values[5] = i64(f)
    values[6] = g
    values[7] = h
    calls.value += 1


@uprobe
def narrower(a: u8, b: u64, c: i16):
    values[0] = a
    values[2] = c


@uretprobe
def result(ret: i32):
    results[ret] += 1


@uprobe.multi
def many():
    calls.value += 1


@uretprobe.multi
def returns(ret: i32):
    results[ret] += 1


@uprobe.session
def session_of_one(a: i32, ret: i32):
    cell = bpf_session_cookie()
    if bpf_session_is_return():
        times[1] = ktime_ns() - cell[0]
        results[ret] += 1
    else:
        cell[0] = ktime_ns()
        results[a] += 1


@uprobe.session
def beginnings_only():
    calls.value += 1
    return 1


@uprobe("libc", "malloc")
def allocated(size: u64):
    if pid() == only.value:
        values[u32(size)] += 1


PROBES = (arguments, narrower, result, many, returns, session_of_one, beginnings_only, allocated)


@pytest.fixture(scope="module")
def compiled() -> pyebpf.Object:
    return pyebpf.compile(PROBES)


@pytest.fixture
def session(compiled: pyebpf.Object) -> Iterator[pyebpf.Session]:
    with pyebpf.load(compiled, attach=False, config={"only": os.getpid()}) as session:
        yield session


def read(session: pyebpf.Session, name: str) -> dict[int, int]:
    found: dict[int, int] = session.maps[name].to_dict()
    return found


EXPECTED = {0: -5, 1: -3, 2: 65535, 3: 1 << 40, 4: 7, 5: 1, 6: -77, 7: -8}


@pytest.mark.parametrize("options", [("-pie", "-fPIE"), ("-no-pie",), ("-static",)], ids=lambda each: each[0])
def test_arguments_and_results(session: pyebpf.Session, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Numbers of every width and sign, the last two on the stack, as C passes them."""
    program = build_steps(tmp_path, "adding", ADD, *options)
    with running(program) as before:
        session.attach("arguments", f"{program}:add")
        session.attach("result", f"{program}:add")
        with running(program) as later:
            before.step()
            later.step(2)
            assert read(session, "values") == EXPECTED
            assert read(session, "results") == {-2: 3} and session.variables["calls"].value == 3
            for link in session.links:
                link.detach()
            later.step()
    assert session.variables["calls"].value == 3


def test_annotations_narrower_than_the_arguments(session: pyebpf.Session, tmp_path: Path) -> None:
    program = build_steps(tmp_path, "adding", ADD)
    session.attach("narrower", f"{program}:add")
    with running(program) as target:
        target.step()
    assert read(session, "values") == {0: 251, 2: -1}


def test_a_stripped_program_with_its_debug_symbols_apart(
    session: pyebpf.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = build_steps(tmp_path, "adding", ADD, "-Wl,--build-id=0x0123456789abcdef")
    (tmp_path / "01").mkdir()
    debug = tmp_path / "01/23456789abcdef.debug"
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    subprocess.run(["strip", program], check=True)
    monkeypatch.setattr(uprobe_symbols, "DEBUG", str(tmp_path))
    session.attach("result", f"{program}:add")
    with running(program) as target:
        target.step()
    assert read(session, "results") == {-2: 1}
    debug.write_bytes(debug.read_bytes().replace(bytes.fromhex("0123456789abcdef"), bytes(8)))  # another program's
    with pytest.raises(
        pyebpf.LoadError, match=r"has no function add; .*\(build id 0123456789abcdef\) are not installed"
    ):
        session.attach("result", f"{program}:add")


def test_places_by_offset_and_by_address(session: pyebpf.Session, tmp_path: Path) -> None:
    program = build_steps(tmp_path, "adding", ADD)
    table = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout
    address = next(int(line.split()[0], 16) for line in table.splitlines() if line.endswith(" T add"))
    session.attach("result", f"{program}:{address:#x}")
    session.attach("arguments", f"{program}:add+0")
    with running(program) as target:
        target.step()
    assert read(session, "results") == {-2: 1} and session.variables["calls"].value == 1
    with pytest.raises(pyebpf.LoadError, match="has no instructions at 0xfffffff0"):
        session.attach("result", f"{program}:0xfffffff0")


def test_one_process_alone(session: pyebpf.Session, tmp_path: Path) -> None:
    program = build_steps(tmp_path, "adding", ADD)
    with running(program) as watched, running(program) as other:
        session.attach("result", f"{program}:add", pid=watched.pid)
        link = session.attach("many", f"{program}:ad?,pid={watched.pid}")
        watched.step(3)
        other.step(5)
        assert str(watched.pid) in link.where
    assert read(session, "results") == {-2: 3} and session.variables["calls"].value == 3
    with pytest.raises(pyebpf.LoadError, match=f"there is no process {watched.pid}"):
        session.attach("result", f"{program}:add", pid=watched.pid)


def test_a_library_by_its_name_in_a_process(session: pyebpf.Session, tmp_path: Path) -> None:
    build(tmp_path, "libadding.so.3", ADD.partition("static")[0], "-shared", "-fPIC", "-Wl,-soname,libadding.so.3")
    text = (
        "int add(int, signed char, unsigned short, long, unsigned, _Bool, int, signed char);" + ADD.rpartition("}\n")[2]
    )
    program = build_steps(
        tmp_path,
        "user",
        text + "static void step(void) { add(-5, -3, 0, 0, 0, 0, 0, 0); }\n",
        f"{tmp_path}/libadding.so.3",
    )
    with running(program, path=[tmp_path]) as target:
        for name in ("libadding", "libadding.so.3"):
            link = session.attach("result", f"{name}:add", pid=target.pid)
            target.step()
            link.detach()
        with pytest.raises(pyebpf.LoadError, match="doesn't have add itself: it is a library's"):
            session.attach("result", f"{program}:add")
    assert read(session, "results") == {-2: 2}


def test_a_program_in_a_file_system_of_its_own(session: pyebpf.Session, tmp_path: Path) -> None:
    """As in a container: the path is what the process calls it."""
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    build_steps(root / "bin", "adding", ADD, "-static")
    program = "/bin/adding"
    with running(program, root=root) as target:
        for place in (f"{program}:add,pid={target.pid}", f"/proc/{target.pid}/root{program}:add"):
            link = session.attach("result", place)
            target.step()
            link.detach()
    assert read(session, "results") == {-2: 2}


def test_five_hundred_functions_by_one_link(session: pyebpf.Session, tmp_path: Path) -> None:
    """Other names of the same function count for nothing."""
    body = '__asm__ volatile("");'
    functions = "".join(
        f"__attribute__((noinline)) int work_{n}(void) {{ {body} return {n % 5}; }}\n" for n in range(500)
    )
    used = " ".join(f"work_{n}();" for n in range(500))
    alias = '__attribute__((alias("work_0"))) int work_again(void);\n'
    text = f"{functions}{alias}static void step(void) {{ {used} }}\n"
    program = build_steps(tmp_path, "working", text, "-fno-ipa-pure-const", "-fno-ipa-icf")
    before = bpf_ids()
    link = session.attach("many", f"{program}:work_*")
    assert link.where.endswith("work_*, 500 functions")
    assert len(bpf_ids() - before - held_elsewhere()) == 1
    session.attach("returns", f"{program}:work_1??")
    with running(program) as target:
        target.step(2)
    assert session.variables["calls"].value == 1000
    assert read(session, "results") == dict.fromkeys(range(5), 40)


def test_a_session_sees_the_beginning_and_the_end(session: pyebpf.Session, tmp_path: Path) -> None:
    program = build_steps(tmp_path, "adding", ADD)
    session.attach("session_of_one", f"{program}:add")
    session.attach("beginnings_only", f"{program}:a*d")
    with running(program) as target:
        target.step(2)
    assert read(session, "results") == {-5: 2, -2: 2} and session.variables["calls"].value == 2
    assert 0 < read(session, "times")[1] < 10**10


def test_versions_of_a_function(session: pyebpf.Session, tmp_path: Path) -> None:
    (tmp_path / "map").write_text("OLD { global: get; }; NEW { global: get; } OLD;\n")
    text = """
    __asm__(".symver get_old,get@OLD\\n.symver get_new,get@@NEW");
    int get_old(void) { return 1; }
    int get_new(void) { return 2; }
    """
    library = build(tmp_path, "libget.so", text, "-shared", "-fPIC", f"-Wl,--version-script={tmp_path}/map")
    loaded = ctypes.CDLL(str(library))
    for name, expected in (("get", 2), ("get@@NEW", 2), ("get@OLD", 1)):
        link = session.attach("result", f"{library}:{name}")
        loaded.get()
        ctypes.CFUNCTYPE(ctypes.c_int)(dlvsym(loaded, b"get", b"OLD"))()
        link.detach()
        assert read(session, "results") == {expected: 1}, name
        session.maps["results"].clear()
    with pytest.raises(pyebpf.LoadError, match="has no such version of get"):
        session.attach("result", f"{library}:get@NEWER")


def dlvsym(library: ctypes.CDLL, name: bytes, version: bytes) -> int:
    find = ctypes.CDLL(None).dlvsym
    find.restype = ctypes.c_void_p
    find.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    return int(find(library._handle, name, version))


def test_malloc_in_this_process(session: pyebpf.Session) -> None:
    session.attach("allocated")
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    for _ in range(3):
        libc.free(libc.malloc(ctypes.c_size_t(12_345_677)))
    assert read(session, "values")[12_345_677] == 3


def test_a_function_that_is_chosen_at_the_start(session: pyebpf.Session) -> None:
    """strlen is one of several functions, by what the machine can do."""
    session.attach("result", f"libc:strlen,pid={os.getpid()}")
    libc = ctypes.CDLL(None)
    for _ in range(4):
        assert libc.strlen(b"x" * 71_717) == 71_717
    assert read(session, "results")[71_717] == 4


TWICE = '__attribute__((noinline)) static int twice(void) { __asm__ volatile(""); return 1; }\n'
SAME = f"""
extern int other(void);
{TWICE}
static void step(void) {{ twice(); other(); }}
int variable = 3;
"""


def test_what_cannot_be_attached_to(session: pyebpf.Session, tmp_path: Path) -> None:
    second = tmp_path / "second.c"
    second.write_text(TWICE + "int other(void) { return twice(); }\n")
    program = build_steps(tmp_path, "same", SAME, str(second))
    (tmp_path / "text").write_text("no program\n" * 20)
    elf = program.read_bytes()
    (tmp_path / "small").write_bytes(elf[:4] + b"\1" + elf[5:])
    (tmp_path / "alien").write_bytes(elf[:18] + b"\xf7\0" + elf[20:])
    cases = {
        f"{program}:twice": r"has 2 functions twice; name one by its address: 0x[0-9a-f]+, 0x[0-9a-f]+",
        f"{program}:othre": "has no function othre; did you mean other?",
        f"{program}:nothing": "has no function nothing; functions that the compiler has inlined everywhere",
        f"{program}:variable": "variable in .* is no function",
        f"{program}:printf_": "has no function",
        f"{program}e:other": f"No such file or directory; did you mean {program}",
        f"{tmp_path}:other": "is a directory",
        f"{tmp_path}/text:other": "it is not an ELF file",
        f"{tmp_path}/small:other": "it is for 32-bit processes",
        f"{tmp_path}/alien:other": "it is for another machine",
        "nosuchprogram:main": "this machine has no program nosuchprogram",
        "libnosuch:main": "this machine has no library libnosuch",
        "main": "goes to a place of the form PATH:SYMBOL, not 'main'",
        ":main": "goes to a place of the form",
        f"{program}:": "goes to a place of the form",
        "\0:main": "is no file's name",
        "/dev/zero:main": "it is no regular file",
    }
    for place, message in cases.items():
        with pytest.raises(pyebpf.LoadError, match=message):
            session.attach("result", place)
    with pytest.raises(pyebpf.LoadError, match="has no function x_\\*"):
        session.attach("many", f"{program}:x_*")
    with pytest.raises(pyebpf.LoadError, match="program many needs to know where: --attach many=PATH:SYMBOL"):
        session.attach("many")
    for wrong in (3, b"x", object()):
        with pytest.raises(pyebpf.LoadError, match="is attached by text, PATH:SYMBOL"):
            session.attach("many", wrong)
    for number in (0, -1, True, "1", 2.5):
        with pytest.raises(pyebpf.LoadError, match="is no process's number"):
            session.attach("allocated", pid=number)  # type: ignore[arg-type]


def test_the_command_line(tmp_path: Path) -> None:
    program = build_steps(tmp_path, "adding", ADD)
    probe = tmp_path / "probe.py"
    probe.write_text("from pyebpf import *\n@uprobe\ndef seen(a: i32):\n    print(f'a is {a}')\n")
    with running(program) as target:
        command = [
            sys.executable,
            "-m",
            "pyebpf",
            "run",
            str(probe),
            "--attach",
            f"seen={program}:add,pid={target.pid}",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running_probe:
            assert running_probe.stderr is not None and running_probe.stdout is not None
            while "Ctrl-C" not in (line := running_probe.stderr.readline()):
                assert line
            target.step()
            assert running_probe.stdout.readline() == "a is -5\n"
            running_probe.terminate()
