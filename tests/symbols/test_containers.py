"""Processes in containers: what is named is the file that they see, and nothing in there leads out of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting_programs import NAMES, SOURCE, build, running

from pyebpf.symbols import Symbols
from pyebpf.symbols.mappings import read_maps
from pyebpf.symbols.opening import open_below, open_mapped

pytestmark = pytest.mark.kernel
INSIDE = SOURCE.replace("visible", "inside_visible").replace("hidden", "inside_hidden")
INSIDE_NAMES = ["main", "inside_visible", "inside_hidden", "read"]


@contextmanager
def container(root: Path, *command: str) -> Iterator[tuple[int, list[int], int]]:
    """A program in a file system (a tmpfs) and pid namespace of its own; last comes its number there."""
    script = (
        'mount -t tmpfs none "$0" && cp -a "$0.image/." "$0" && mkdir -p "$0/proc" "$0/tmp" "$0/old" && '
        'cd "$0" && pivot_root . old && exec "$@"'
    )
    root.mkdir()
    with running("unshare", "-m", "-p", "-f", "sh", "-c", script, root, *command) as (outer, addresses):
        [inner] = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        yield int(inner), addresses, 1


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file system with one program, and another program at the same path out here."""
    program = tmp_path / "program"
    folder = tmp_path / "root.image"
    (folder / program.relative_to("/")).parent.mkdir(parents=True)
    build(folder / program.relative_to("/"), "-static", source=INSIDE)
    build(program, "-static")
    return tmp_path


def test_a_living_container(image: Path) -> None:
    with Symbols() as symbols, container(image / "root", f"{image}/program") as (pid, addresses, _):
        assert not (image / "root" / "proc").exists()  # it is mounted in there alone
        frames = [symbols.user(pid, [address])[0] for address in addresses]
        assert [frame.name for frame in frames] == INSIDE_NAMES
        assert {frame.module for frame in frames} == {f"{image}/program"}


def test_a_container_that_is_gone(image: Path) -> None:
    with Symbols() as symbols:
        symbols.follow()
        with container(image / "root", f"{image}/program") as (pid, addresses, _):
            time.sleep(0.3)
        assert not Path(f"/proc/{pid}").exists()
        assert [symbols.user(pid, [address])[0].name for address in addresses] == INSIDE_NAMES


def test_a_container_that_was_there_before_and_is_gone(image: Path) -> None:
    with Symbols() as symbols:
        with container(image / "root", f"{image}/program") as (pid, addresses, _):
            symbols.follow()
            time.sleep(0.3)
        assert [symbols.user(pid, [address])[0].name for address in addresses] == INSIDE_NAMES


def test_a_root_by_chroot(image: Path) -> None:
    with Symbols() as symbols, running("chroot", f"{image}/root.image", f"{image}/program") as (pid, addresses):
        assert [symbols.user(pid, [address])[0].name for address in addresses] == INSIDE_NAMES


def test_its_own_map_of_what_it_compiled(image: Path) -> None:
    """By its number in there, in its own /tmp."""
    compiles = INSIDE.replace(
        "(void *)main", "mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)"
    )
    program = image / "root.image" / (image / "program").relative_to("/")
    build(program, "-static", source="#include <sys/mman.h>\n" + compiles)
    with Symbols() as symbols, container(image / "root", f"{image}/program") as (pid, (place, *_), number):
        assert place > 0
        Path(f"/proc/{pid}/root", f"tmp/perf-{number}.map").write_text(f"{place:x} 10 compiled_inside\n")
        [frame] = symbols.user(pid, [place + 1])
        assert (frame.name, frame.kind, frame.offset) == ("compiled_inside", "jit", 1)


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    outside, root = tmp_path / "secret", tmp_path / "root"
    outside.write_text("outside")
    (root / "folder").mkdir(parents=True)
    (root / "secret").write_text("inside")
    for name, target in {"a": "/secret", "b": "../../../secret", "folder/c": "../../secret", "d": "secret"}.items():
        (root / name).symlink_to(target)
        fd = open_below(str(root), name.encode())
        assert fd is not None, name
        assert os.read(fd, 100) == b"inside", name
        os.close(fd)
    (root / "up").symlink_to(f"{tmp_path}/secret")
    (root / "proc").symlink_to("/proc/self/exe")
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to("loop")
    for name in ("up", "proc", "pipe", "loop", "folder", "", "nothing", "secret/", "../pipe"):
        assert open_below(str(root), name.encode()) is None, name
    assert open_below(str(root), b"d", follow=False) is None
    assert open_below(str(tmp_path / "nowhere"), b"d") is None


def test_devices_are_not_opened(tmp_path: Path) -> None:
    """Opening one can do something: a watchdog starts to count."""
    os.mknod(tmp_path / "device", 0o600 | 0o020000, os.makedev(1, 3))
    assert open_below(str(tmp_path), b"device") is None


def test_only_what_was_mapped_is_opened(tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    with running(program) as (pid, addresses):
        [mapping] = [each for each in read_maps(pid) if each.start <= addresses[0] < each.end]
        fd = open_mapped(pid, mapping)
        assert fd is not None
        assert os.fstat(fd).st_ino == program.stat().st_ino
        os.close(fd)
        assert open_mapped(pid, mapping._replace(inode=mapping.inode + 1)) is None
    fd = open_mapped(pid, mapping)  # by its path, as it is gone
    assert fd is not None
    os.close(fd)
    shutil.copy(program, tmp_path / "copy")
    (tmp_path / "copy").replace(program)
    assert open_mapped(pid, mapping) is None


SILENT = """
import ctypes, os, sys
from pyebpf.symbols.mappings import Mapping
from pyebpf.symbols.opening import open_mapped
folder = sys.argv[1]
inode = os.stat("/bin/sh").st_ino
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if ctypes.CDLL(None, use_errno=True).mount(b"none", folder.encode(), b"fuse", 0, options):
    sys.exit(3)
[device] = [words[2] for words in map(str.split, open("/proc/self/mountinfo")) if words[4] == folder]
mapping = Mapping(0, 4096, 0, os.makedev(*map(int, device.split(":"))), inode, f"{folder}/library".encode())
assert open_mapped(os.getpid(), mapping) is None
print("none", flush=True)
"""


def test_file_systems_that_somebody_has_to_answer_for_are_not_waited_for(tmp_path: Path) -> None:
    """Here nobody answers, and whoever looks for a file there waits."""
    command = ["unshare", "-m", sys.executable, "-c", SILENT, str(tmp_path)]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=20)
    if found.returncode == 3:
        pytest.skip("this kernel mounts no FUSE")
    assert found.stdout == "none\n"


def test_programs_of_an_overlay(tmp_path: Path) -> None:
    """As containers have them: mappings may name another device than the file does."""
    for name in ("lower", "upper", "work", "all"):
        (tmp_path / name).mkdir()
    build(tmp_path / "lower" / "program")
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "upper"], check=True)
    try:
        for name in ("u", "w"):
            (tmp_path / "upper" / name).mkdir()
        options = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper/u,workdir={tmp_path}/upper/w"
        mounted = subprocess.run(["mount", "-t", "overlay", "-o", options, "none", tmp_path / "all"])
        if mounted.returncode:
            pytest.skip("this kernel mounts no overlay")
        try:
            with Symbols() as symbols:
                symbols.follow()
                with running(tmp_path / "all" / "program") as (pid, addresses):
                    time.sleep(0.3)
                    assert [symbols.user(pid, [address])[0].name for address in addresses] == NAMES
                with running(tmp_path / "all" / "program") as (gone, addresses):
                    pass
                assert [symbols.user(gone, [address])[0].name for address in addresses] == NAMES
        finally:
            subprocess.run(["umount", tmp_path / "all"], check=True)
    finally:
        subprocess.run(["umount", tmp_path / "upper"], check=True)
