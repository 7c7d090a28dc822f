"""Processes that are gone when somebody asks: what they had mapped was noted while it was there."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting_programs import NAMES, SOURCE, build, running

from pyebpf.symbols import Symbols
from pyebpf.symbols import processes as limits

pytestmark = pytest.mark.kernel


@pytest.fixture
def symbols() -> Iterator[Symbols]:
    with Symbols() as found:
        found.follow()
        yield found
        assert found.lost == 0


def names(symbols: Symbols, pid: int, addresses: list[int]) -> list[str]:
    assert not Path(f"/proc/{pid}").exists()
    return [symbols.user(pid, [address])[0].name for address in addresses]


@pytest.mark.parametrize("options", [("-pie",), ("-no-pie",), ("-static-pie",)], ids=" ".join)
def test_a_process_that_is_gone(symbols: Symbols, tmp_path: Path, options: tuple[str, ...]) -> None:
    with running(build(tmp_path / "program", *options)) as (pid, addresses):
        pass
    time.sleep(0.1)
    assert names(symbols, pid, addresses) == NAMES


def test_a_program_that_is_gone_too(symbols: Symbols, tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    with running(program) as (pid, addresses):
        time.sleep(0.3)
    program.unlink()
    assert names(symbols, pid, addresses) == NAMES
    assert symbols.user(pid, addresses[:1])[0].module == str(program)


def test_a_program_that_was_deleted_before(tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    with running(program) as (pid, addresses):
        program.unlink()
        with Symbols() as symbols:
            assert [symbols.user(pid, [address])[0].name for address in addresses] == NAMES
        symbols = Symbols()
        symbols.follow()
    with symbols:
        assert names(symbols, pid, addresses) == NAMES


def test_a_process_that_was_there_before(tmp_path: Path) -> None:
    with Symbols() as symbols:
        with running(build(tmp_path / "program")) as (pid, addresses):
            symbols.follow()
        assert names(symbols, pid, addresses) == NAMES


def test_another_file_in_its_place_is_not_taken_for_it(tmp_path: Path) -> None:
    program = build(tmp_path / "program", "-no-pie")
    with Symbols() as symbols:
        with running(program) as (pid, addresses):
            symbols.follow()
        other = build(tmp_path / "other", "-no-pie", source=SOURCE.replace("hidden", "wrong"))
        other.replace(program)
        found = names(symbols, pid, addresses[:3])
    assert found == ["[unknown]"] * 3


FORKS = SOURCE.replace(
    "int main(int count, char **words) {",
    "#include <sys/wait.h>\nint main(int count, char **words) { if (count > 1) { int child = fork(); if (child) { "
    'waitpid(child, 0, 0); return 0; } printf("0x%x ", getpid()); }',
)


def test_a_child_without_a_program_of_its_own(symbols: Symbols, tmp_path: Path) -> None:
    with running(build(tmp_path / "forks", source=FORKS), "fork") as (pid, (child, *addresses)):
        assert child != pid
    assert names(symbols, child, addresses) == NAMES
    assert names(symbols, pid, addresses) == NAMES


def test_programs_that_replace_each_other(symbols: Symbols, tmp_path: Path) -> None:
    second = build(tmp_path / "second", "-no-pie", source=SOURCE.replace("hidden", "renamed"))
    chain = f'if (count > 1) execl("{second}", "second", (char *)0);'
    first = build(tmp_path / "first", "-no-pie", source=SOURCE.replace("char byte;", f"char byte; {chain}"))
    pipe = subprocess.PIPE
    with subprocess.Popen([first, "more"], stdin=pipe, stdout=pipe) as process:
        assert process.stdin and process.stdout
        before, after = ([int(word, 16) for word in process.stdout.readline().split()] for _ in range(2))
        process.stdin.close()
    assert names(symbols, process.pid, after[:3]) == ["main", "visible", "renamed"]
    assert before != after


def test_libraries_that_come_later(symbols: Symbols, tmp_path: Path) -> None:
    library = build(tmp_path / "lib.so", "-shared", "-fPIC", source="int from_library(void) { return 1; }")
    late = f'void *library = dlopen("{library}", RTLD_NOW);'
    source = "#include <dlfcn.h>\n" + SOURCE.replace("  printf", late + "printf").replace(
        "(void *)read)", 'dlsym(library, "from_library"))'
    )
    with running(build(tmp_path / "program", source=source)) as (pid, addresses):
        pass
    assert names(symbols, pid, addresses[3:]) == ["from_library"]
    assert symbols.user(pid, addresses[3:])[0].module == str(library)


def test_many_at_once_and_none_is_lost(symbols: Symbols, tmp_path: Path) -> None:
    program = build(tmp_path / "program", "-no-pie", "-static")
    with running(program) as (_, addresses):
        pass
    pids = []
    for _ in range(300):
        with subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            pids.append(process.pid)
    assert {tuple(names(symbols, pid, addresses[:3])) for pid in pids} == {tuple(NAMES[:3])}


def test_the_longest_gone_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_EXITED", 50)  # there is room for those of other tests, which run beside it
    program = build(tmp_path / "program", "-no-pie", "-static")
    seen = []
    with Symbols() as symbols:
        symbols.follow()
        for _ in range(100):
            with running(program) as (pid, addresses):
                seen.append(pid)
        assert names(symbols, seen[-1], addresses) == NAMES
        assert names(symbols, seen[0], addresses) == ["[unknown]"] * 4
        assert len(symbols._processes._exited) == 50


def test_files_are_kept_within_limits(symbols: Symbols, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyebpf.symbols import images

    monkeypatch.setattr(images, "KEPT", 100_000)
    for number in range(10):
        source = SOURCE + f"char number_{number};"
        with running(build(tmp_path / f"program{number}", "-static", source=source)) as (pid, addresses):
            assert symbols.user(pid, addresses[:1])[0].name == "main"
    kept = symbols._processes.images
    assert kept.bytes <= 100_000 or len(kept) == 1


def test_the_thread_ends_with_it() -> None:
    before = threading.active_count()
    symbols = Symbols()
    symbols.follow()
    symbols.follow()
    assert threading.active_count() == before + 1
    symbols.pause()
    assert threading.active_count() == before
    symbols.resume()
    assert threading.active_count() == before + 1
    started = time.monotonic()
    symbols.close()
    symbols.close()
    assert threading.active_count() == before
    assert time.monotonic() - started < 1


def test_descriptors_are_closed(tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    before = len(os.listdir("/proc/self/fd"))
    with Symbols() as symbols:
        symbols.follow()
        with running(program) as (pid, addresses):
            symbols.user(pid, addresses)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_child_of_ours_leaves_it_alone(symbols: Symbols, tmp_path: Path) -> None:
    with running(build(tmp_path / "program")) as (pid, addresses):
        child = os.fork()
        if not child:
            code = 1
            try:
                signal.alarm(20)
                code = 0 if symbols.user(pid, addresses[:1])[0].name == "main" else 2
                symbols.close()
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(symbols, pid, addresses) == NAMES


def test_what_it_knows_stays_known_afterwards(tmp_path: Path) -> None:
    with Symbols() as symbols:
        symbols.follow()
        with running(build(tmp_path / "program")) as (pid, addresses):
            pass
        time.sleep(0.1)
    assert names(symbols, pid, addresses) == NAMES


@pytest.fixture
def one_cpu() -> Iterator[None]:
    """All that the test starts runs on one: the kernel tells of losses there, with the next record that has room."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_cpu")
def test_records_that_found_no_room_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyebpf.symbols import follow

    monkeypatch.setattr(follow, "SIZE", 4096)
    program = build(tmp_path / "program")
    with Symbols() as symbols:
        symbols.follow()
        symbols.pause()
        for _ in range(200):
            subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        symbols.resume()
        with running(program) as (pid, addresses):  # what is alive is looked at itself
            assert [symbols.user(pid, [address])[0].name for address in addresses] == NAMES
        deadline = time.monotonic() + 5
        while symbols.lost <= 100 and time.monotonic() < deadline:
            subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
            time.sleep(0.05)
        assert symbols.lost > 100
    assert symbols.lost > 100
