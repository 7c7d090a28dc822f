"""Links that get another program, sessions that stay in the kernel by a folder, and are taken over from there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from places import import_file
from run_kernel import bpf_ids, comes_true, in_child, left_over
from run_network import Frame, Wire

import pyebpf
from pyebpf.loader import sys as bpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
Program = Callable[[str], ModuleType]
COUNTER = """
counts = Hash[u32, u64](max_entries=16)
total = Global[u64](0)
ME = Config[u32](0)

@raw_tracepoint("sys_enter")
def enter(ctx):
    if pid() == ME.value and ctx.args[1] == {number}:
        counts[{key}] += 1
        total.value += 1
"""
GETPPID = 110 if os.uname().machine == "x86_64" else 173
GUARDS = """
from pyebpf import Ethernet
seen = Hash[u16, u64](max_entries=16)

@xdp
def closed(packet):
    eth = packet.parse(Ethernet)
    seen[eth.proto] += 1
    return XDP.DROP if eth.proto == 0x0806 else XDP.PASS

@xdp
def opened(packet):
    return XDP.PASS

@raw_tracepoint("sys_enter")
def tracing(ctx):
    pass
"""
GUARD = """
@xdp
def guard(packet):
    return XDP.{} if packet.load(12, be16) == 0x0806 else XDP.PASS
"""
ARP = Frame.arp("10.0.0.1")


def counter(program: Program, key: int = 0, more: str = "") -> ModuleType:
    return program(COUNTER.format(number=GETPPID, key=key) + textwrap.dedent(more))


def call(times: int) -> None:
    for _ in range(times):
        os.getppid()


def names(folder: Path) -> list[str]:
    """What is in a bpf file system, but for what the kernel itself puts there."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".debug")


def mine() -> dict[str, object]:
    return {"ME": os.getpid()}


@pytest.fixture
def guards(program: Program, wire: Wire) -> pyebpf.Session:
    with pyebpf.load(program(GUARDS), attach=False) as session:
        yield session


def test_another_program_at_the_same_place(guards: pyebpf.Session, wire: Wire) -> None:
    link = guards.attach("closed", wire.inside)
    before = link.info
    assert (before.kind, before.program_id) == ("interface", guards.programs["closed"].id)
    assert before.details["interface"] == socket.if_nametoindex(wire.inside)
    assert wire.arrives(ARP) == [False]
    link.update(guards.programs["opened"])
    assert wire.arrives(ARP) == [True] and link.program == "opened"
    assert (link.info.id, link.info.program_id) == (before.id, guards.programs["opened"].id)


def test_another_program_only_where_the_expected_one_runs(guards: pyebpf.Session, wire: Wire) -> None:
    link = guards.attach("closed", wire.inside)
    with pytest.raises(pyebpf.LoadError, match=r"opened isn't the program that runs there"):
        link.update(guards.programs["closed"], replacing=guards.programs["opened"])
    link.update(guards.programs["opened"], replacing=guards.programs["closed"])
    assert wire.arrives(ARP) == [True]


def test_a_program_of_another_kind_is_refused(guards: pyebpf.Session, wire: Wire) -> None:
    link = guards.attach("closed", wire.inside)
    with pytest.raises(
        pyebpf.LoadError, match=r"tracing in the place of closed at interface inside: it isn't of the same"
    ):
        link.update(guards.programs["tracing"])
    assert wire.arrives(ARP) == [False] and link.program == "closed"


def test_tracepoints_have_their_programs_for_good(guards: pyebpf.Session) -> None:
    link = guards.attach("tracing")
    assert (link.info.kind, link.info.name) == ("raw tracepoint", "sys_enter")
    with pytest.raises(pyebpf.LoadError, match="the kernel can't replace programs on a raw tracepoint"):
        link.update(guards.programs["tracing"])


def test_a_pinned_link_outlives_its_session(program: Program, wire: Wire, bpf_fs: Path) -> None:
    with pyebpf.load(program(GUARDS), attach=False) as session:
        link = session.attach("closed", wire.inside)
        link.pin(bpf_fs / "guard")
        assert link.pinned == bpf_fs / "guard"
    assert wire.arrives(ARP) == [False]
    (bpf_fs / "guard").unlink()
    assert comes_true(lambda: wire.arrives(ARP) == [True])


def test_a_link_that_is_no_more_pinned_ends_with_its_session(program: Program, wire: Wire, bpf_fs: Path) -> None:
    with pyebpf.load(program(GUARDS), attach=False) as session:
        link = session.attach("closed", wire.inside)
        link.pin(bpf_fs / "guard")
        link.unpin()
        assert not (bpf_fs / "guard").exists() and wire.arrives(ARP) == [False]
    assert comes_true(lambda: wire.arrives(ARP) == [True])


def test_detaching_removes_the_name(guards: pyebpf.Session, wire: Wire, bpf_fs: Path) -> None:
    link = guards.attach("closed", wire.inside)
    link.pin(bpf_fs / "guard")
    link.detach()
    assert wire.arrives(ARP) == [True] and not names(bpf_fs)


@pytest.mark.parametrize(
    "name, message",
    [
        ("no/such", "there is no such file or folder"),
        ("a.b", "names in a bpf file system have no dots"),
        ("taken", "something has that name already"),
    ],
)
def test_names_that_cannot_be(guards: pyebpf.Session, wire: Wire, bpf_fs: Path, name: str, message: str) -> None:
    guards.attach("closed", wire.inside).pin(bpf_fs / "taken")
    with pytest.raises(pyebpf.LoadError, match=message):
        guards.attach("tracing").pin(bpf_fs / name)
    guards.links["closed"].detach()


def test_a_folder_elsewhere_is_refused(program: Program, tmp_path: Path, bpf_fs: Path) -> None:
    with pyebpf.load(counter(program)) as session:
        for place in (session.pin, session.links[0].pin):
            with pytest.raises(pyebpf.LoadError, match=r"no bpf file system|isn't in a bpf file system"):
                place(tmp_path / "elsewhere")
        assert session.links[0].pinned is None


def test_what_the_kernel_cannot_keep_is_said_before(program: Program, bpf_fs: Path) -> None:
    module = program("@socket_filter\ndef each(packet):\n    return 0\n")
    with socket.socket(type=socket.SOCK_DGRAM) as owner, pyebpf.load(module, where={"each": owner}) as session:
        place = bpf_fs / "kept"
        with pytest.raises(pyebpf.LoadError, match=r"cannot pin the link of each at socket .* without one"):
            session.pin(place)
    assert not names(bpf_fs)


def test_taken_over_as_it_is(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    with pyebpf.load(counter(program), config=mine()) as session:
        session.pin(folder)
        call(3)
    call(4)
    with pyebpf.adopt(folder) as session:
        call(5)
        assert session.maps["counts"].to_dict() == {0: 12}
        assert session.variables["total"].value == 12 and session.variables["ME"].value == os.getpid()
        assert [(link.program, link.where) for link in session.links] == [("enter", "raw tracepoint sys_enter")]
        session.unpin(folder)
        assert not folder.exists()


def test_another_process_pins_and_ends(bpf_fs: Path, tmp_path: Path) -> None:
    source = tmp_path / "counting.py"
    source.write_text("from pyebpf import *\n" + COUNTER.format(number=GETPPID, key=7))
    text = f"""
import pyebpf
pyebpf.load({str(source)!r}, config={{"ME": {os.getpid()}}}, pin={str(bpf_fs / "counter")!r})
"""
    subprocess.run([sys.executable, "-c", text], check=True)
    call(4)
    with pyebpf.load(import_file(source), config=mine(), pin=bpf_fs / "counter") as session:
        call(1)
        assert session.maps["counts"].to_dict() == {7: 5}
        session.unpin(bpf_fs / "counter")


def test_another_version_goes_on_with_the_same_maps(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    pyebpf.load(counter(program, 0), config=mine(), pin=folder).close()
    call(3)
    with pyebpf.load(counter(program, 1), config=mine(), pin=folder) as session:
        call(2)
        assert session.maps["counts"].to_dict() == {0: 3, 1: 2}
        assert session.variables["total"].value == 5
    call(1)
    with pyebpf.adopt(folder) as session:
        assert session.maps["counts"].to_dict() == {0: 3, 1: 3}
        session.unpin(folder)


def test_links_of_interfaces_get_their_programs_in_one_step(program: Program, wire: Wire, bpf_fs: Path) -> None:
    text = GUARD
    with pyebpf.load(program(text.format("DROP")), where={"guard": wire.inside}, pin=bpf_fs / "guard") as session:
        before = session.links[0].info
    assert wire.arrives(ARP) == [False]
    with pyebpf.load(program(text.format("PASS")), pin=bpf_fs / "guard") as session:
        after = session.links[0].info
        assert after.id == before.id and after.program_id != before.program_id
    assert wire.arrives(ARP) == [True]
    with pyebpf.adopt(bpf_fs / "guard") as session:
        session.unpin(bpf_fs / "guard")


def test_programs_that_are_new_or_gone(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    more = """
    @raw_tracepoint("sys_exit")
    def leave(ctx):
        if pid() == ME.value:
            counts[9] += 1
    """
    with pyebpf.load(counter(program, 0, more), config=mine(), pin=folder) as session:
        assert sorted(link.program for link in session.links) == ["enter", "leave"]
    with pyebpf.load(counter(program), config=mine(), pin=folder) as session:
        assert [link.program for link in session.links] == ["enter"]
        del session.maps["counts"][9]
        call(2)
        assert 9 not in session.maps["counts"]
        assert sorted(path.name for path in (folder / "programs").iterdir()) == ["enter"]
    with pyebpf.load(counter(program, 0, more), config=mine(), pin=folder) as session:
        call(2)
        assert session.maps["counts"][9] >= 2
        session.unpin(folder)


def test_globals_are_carried_over_where_they_lie_elsewhere(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    with pyebpf.load(counter(program), config=mine(), pin=folder) as session:
        call(3)
        assert session.variables["total"].value == 3
    other = counter(program, 0, "")
    text = COUNTER.format(number=GETPPID, key=0).replace("total =", "first, total = Global[u64](5),")
    other = program(text.replace("total.value += 1", "total.value += first.value"))
    with pyebpf.load(other, config=mine(), pin=folder) as session:
        assert session.variables["total"].value == 3
        call(1)
        assert session.variables["total"].value == 8 and session.variables["first"].value == 5
        session.unpin(folder)


def test_faults_are_counted_on(program: Program, bpf_fs: Path) -> None:
    text = """
    ME, total = Config[u32](0), Global[u64](0)
    counts = Hash[u32, u64](max_entries=16)

    @raw_tracepoint("sys_enter")
    def enter(ctx):
        if pid() == ME.value and ctx.args[1] == {number}:
            total.value += counts[{key}]
    """
    folder = bpf_fs / "faults"
    with pyebpf.load(
        program(textwrap.dedent(text).format(number=GETPPID, key=1)), config=mine(), pin=folder
    ) as session:
        call(3)
        assert [fault.count for fault in session.faults] == [3]
    with pyebpf.load(
        program(textwrap.dedent(text).format(number=GETPPID, key=2)), config=mine(), pin=folder
    ) as session:
        call(2)
        assert [(fault.kind, fault.count) for fault in session.faults] == [("KeyError", 5)]
        session.unpin(folder)


def test_a_map_that_has_changed_is_said_and_nothing_is_changed(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    with pyebpf.load(counter(program), config=mine(), pin=folder) as session:
        call(3)
        before = session.programs["enter"].id
    changed = program(COUNTER.format(number=GETPPID, key=0).replace("Hash[u32, u64]", "Hash[u64, u64]"))
    with pytest.raises(pyebpf.LoadError, match=r"map counts: its key has changed; fresh=\['counts'\]"):
        pyebpf.load(changed, config=mine(), pin=folder)
    with pytest.raises(pyebpf.LoadError, match="there is no map other"):
        pyebpf.load(changed, config=mine(), pin=folder, fresh=["other"])
    with pyebpf.adopt(folder) as session:
        call(1)
        assert session.maps["counts"].to_dict() == {0: 4} and session.links[0].info.program_id == before
    with pyebpf.load(changed, config=mine(), pin=folder, fresh=["counts"]) as session:
        call(2)
        assert session.maps["counts"].to_dict() == {0: 2}
    with pyebpf.adopt(folder) as session:
        assert session.maps["counts"].to_dict() == {0: 2}
        session.unpin(folder)


def test_after_an_error_the_old_programs_run(program: Program, wire: Wire, bpf_fs: Path) -> None:
    folder = bpf_fs / "guard"
    text = GUARD
    with pyebpf.load(program(text.format("DROP")), where={"guard": wire.inside}, pin=folder) as session:
        before = session.links[0].info
    worse = text.format("PASS") + "\n@xdp\ndef other(packet):\n    return XDP.PASS\n"
    with pytest.raises(pyebpf.LoadError, match="program other needs to know where"):
        pyebpf.load(program(worse), pin=folder)
    with pytest.raises(pyebpf.LoadError, match="another XDP program"):
        pyebpf.load(program(worse), where={"other": wire.inside}, pin=folder)
    assert wire.arrives(ARP) == [False]
    with pyebpf.adopt(folder) as session:
        assert session.links[0].info == before
        session.unpin(folder)


def test_events_that_nobody_has_read_are_there_for_the_next(program: Program, bpf_fs: Path) -> None:
    text = """
    events = RingBuf[u32](size=4096)
    ME = Config[u32](0)

    @raw_tracepoint("sys_enter")
    def enter(ctx):
        if pid() == ME.value and ctx.args[1] == {number}:
            with events.reserve() as event:
                event = {key}
    """
    text = (
        textwrap.dedent(text).replace("event = {key}", "event.value = {key}").replace("RingBuf[u32]", "RingBuf[Event]")
    )
    text = "@struct\nclass Event:\n    value: u32\n" + text
    folder = bpf_fs / "ring"
    with pyebpf.load(program(text.format(number=GETPPID, key=1)), config=mine(), pin=folder):
        call(2)
    call(1)
    with pyebpf.load(program(text.format(number=GETPPID, key=2)), config=mine(), pin=folder) as session:
        call(2)
        assert [event.value for event in session.maps["events"].poll(0)] == [1, 1, 1, 2, 2]
        session.unpin(folder)


def test_what_others_could_have_put_there_is_refused(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    pyebpf.load(counter(program), pin=folder).close()
    folder.chmod(0o777)
    with pytest.raises(pyebpf.LoadError, match="belongs to somebody else, or others may change it"):
        pyebpf.adopt(folder)
    folder.chmod(0o700)
    os.chown(folder / "object", 65534, 65534)
    with pytest.raises(pyebpf.LoadError, match="belongs to somebody else"):
        pyebpf.adopt(folder)
    os.chown(folder / "object", 0, 0)
    with pyebpf.adopt(folder) as session:
        session.unpin(folder)


@pytest.mark.parametrize("content", [b"", b"pyebpf\0\1" + bytes(12), b"pyebpf\0\1" + b"\xff" * 12, b"x" * 4096])
def test_what_is_no_session_is_refused(bpf_fs: Path, content: bytes) -> None:
    with bpf.map_create(2, 4, 4096, 1, 0, "wrong") as made:
        bpf.map_update(made.fd, bytes(4), content.ljust(4096, b"\0"))
        (bpf_fs / "wrong").mkdir(mode=0o700)
        bpf.obj_pin(made.fd, str(bpf_fs / "wrong" / "object"))
    with pytest.raises(pyebpf.LoadError, match="it holds no session of pyebpf"):
        pyebpf.adopt(bpf_fs / "wrong")
    with pytest.raises(pyebpf.LoadError, match="there is no such file or folder"):
        pyebpf.adopt(bpf_fs / "nowhere")


def test_killed_while_it_pins_nothing_stays(bpf_fs: Path, tmp_path: Path) -> None:
    source = tmp_path / "counting.py"
    source.write_text("from pyebpf import *\n" + COUNTER.format(number=GETPPID, key=7))
    # The links are pinned last but one: when the first is there, all maps and programs are, and the folder isn't whole.
    text = f"""
import os, signal, pyebpf
from pyebpf.loader import pins
whole = pins.put
def put(descriptor, path, what):
    whole(descriptor, path, what)
    if path.parent.name == "links":
        os.kill(os.getpid(), signal.SIGKILL)
pins.put = put
pyebpf.load({str(source)!r}, pin={str(bpf_fs / "counter")!r})
"""
    before = bpf_ids()
    ended = subprocess.run([sys.executable, "-c", text], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not left_over(before) and not names(bpf_fs)


def test_a_folder_in_which_a_process_was_killed_can_be_taken_over(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    pyebpf.load(counter(program), config=mine(), pin=folder).close()

    def killed() -> None:
        from pyebpf.loader import folders

        folders.keep_object = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        pyebpf.load(counter(program, 1), config=mine(), pin=folder)

    child = os.fork()
    if not child:
        try:
            killed()
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    with pyebpf.load(counter(program, 2), config=mine(), pin=folder) as session:
        call(2)
        assert session.maps["counts"][2] == 2 and len(session.links) == 1
        session.unpin(folder)


def test_a_child_of_fork_leaves_the_folder_alone(program: Program, bpf_fs: Path) -> None:
    folder = bpf_fs / "counter"
    with pyebpf.load(counter(program), config=mine(), pin=folder) as session:
        assert in_child(lambda: session.close()) is None
        call(2)
        assert session.maps["counts"].to_dict() == {0: 2}
        session.unpin(folder)
