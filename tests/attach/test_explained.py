"""What is refused says why, and what is called wrongly is told the nearest right name."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from run_cli import pyebpf as command
from run_kernel import LIBC, become_nobody, in_child, let_users_start_python, mount_privately
from run_network import Wire

import pyebpf
from pyebpf.kernel.capabilities import CAPABILITIES
from pyebpf.loader.attach import Link

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
BPF_CALL = {"x86_64": 321, "aarch64": 280, "s390x": 351}[os.uname().machine]
PYTHON = os.path.realpath("/usr/bin/python3")
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
PROBES = """
from pyebpf import *

@xdp
def packets(packet):
    return XDP.PASS

@cgroup.connect4
def connects(ctx):
    return CGROUP.ALLOW

@sk_lookup
def looks(ctx):
    return SK.PASS

@netfilter
def filters():
    return NF.ACCEPT

@iterator("cgroup")
def goes(cgroup):
    pass

@uprobe("libc", "malloc")
def calls():
    pass

@usdt("/usr/bin/python3", "python:function__entry")
def marks():
    pass
"""


@pytest.fixture(scope="module")
def object(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Object:
    path = tmp_path_factory.mktemp("explained") / "probes.py"
    path.write_text(PROBES)
    return pyebpf.compile(path)


def refused(object: pyebpf.Object, prepare: Callable[[], None]) -> list[str]:
    """Reason and text, after `prepare`, in a child."""

    def child() -> list[str]:
        prepare()
        try:
            pyebpf.load(object, attach=False).close()
        except pyebpf.LoadError as error:
            return [error.reason, str(error)]
        return ["", ""]

    with pyebpf.load(object, attach=False):  # imports what nobody else may be able to read
        pass
    found: list[str] = in_child(child)
    return found


def without_bpf() -> None:
    """A seccomp filter by which bpf(2) is EPERM from now on, as containers have it."""
    program = struct.pack(
        "=HBBIHBBIHBBIHBBI",
        *(0x20, 0, 0, 0),  # the number of the call
        *(0x15, 0, 1, BPF_CALL),
        *(0x06, 0, 0, 0x00050000 | errno.EPERM),
        *(0x06, 0, 0, 0x7FFF0000),
    )
    held = ctypes.create_string_buffer(program, len(program))
    given = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", 4, ctypes.addressof(held)))
    assert not LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    assert not LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, given, 0, 0)


def test_a_seccomp_filter_is_told(object: pyebpf.Object) -> None:
    reason, text = refused(object, without_bpf)
    assert reason == "privileges"
    assert "a seccomp filter (of a container, perhaps) forbids it; allow the bpf system call there" in text


def test_capabilities_that_are_not_in_effect_are_told(object: pyebpf.Object) -> None:
    def prepare() -> None:
        become_nobody([CAPABILITIES["CAP_BPF"], CAPABILITIES["CAP_NET_ADMIN"]])
        bits = 1 << CAPABILITIES["CAP_BPF"] | 1 << CAPABILITIES["CAP_NET_ADMIN"]
        low, high = bits & 0xFFFFFFFF, bits >> 32
        data = struct.pack("=6I", 0, low, 0, 0, high, 0)
        assert not LIBC.capset(struct.pack("=Ii", 0x20080522, 0), data)

    reason, text = refused(object, prepare)
    assert (
        reason == "privileges"
        and ("lacks CAP_BPF, CAP_NET_ADMIN, which it may have but doesn't use (they are permitted, and not in effect)")
        in text
    )


@pytest.mark.parametrize(
    ("program", "where", "words"),
    [
        ("packets", "insid", "there is no interface insid; did you mean inside?"),
        ("packets", "inside:natve", "there is no mode natve: generic, native, offload; did you mean native?"),
        ("connects", "{cgroup}/../{name}x", "No such file or directory; did you mean {cgroup}?"),
        ("goes", "children:{cgroup}x", "No such file or directory; did you mean {cgroup}?"),
        ("looks", "/proc/self/ns/nett", "No such file or directory; did you mean /proc/self/ns/net?"),
        ("filters", "ipv5:local_in", "the family is ipv4 or ipv6; did you mean ipv"),
        ("filters", "ipv4:locl_in", "did you mean local_in?"),
        ("calls", "libc:maloc", "did you mean malloc"),
        ("calls", "libq:malloc", "this machine has no library libq; did you mean lib"),
        ("calls", "/usr/bim/python3:main", "No such file or directory; did you mean /usr/bin/python3?"),
        ("marks", f"{PYTHON}:python:function_entry", "did you mean python:function__entry"),
        ("marks", f"{PYTHON}:pyton:function__entry", "did you mean python:function__entry"),
    ],
)
def test_the_nearest_right_name(
    object: pyebpf.Object, wire: Wire, cgroup: Path, program: str, where: str, words: str
) -> None:
    place = where.format(cgroup=cgroup, name=cgroup.name)
    with pyebpf.load(object, attach=False) as session:
        with pytest.raises(pyebpf.LoadError) as caught:
            session.attach(program, place)
        assert caught.value.reason == "target"
        assert words.format(cgroup=cgroup) in str(caught.value)


def test_places_that_are_closed_are_a_matter_of_privileges(object: pyebpf.Object, cgroup: Path) -> None:
    """They are there, and this user may not go there."""

    def child() -> list[str]:
        become_nobody([CAPABILITIES[name] for name in ("CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON")])
        with pyebpf.load(object, attach=False) as session:
            with pytest.raises(pyebpf.LoadError) as caught:
                session.attach("connects", cgroup)
            return [caught.value.reason, str(caught.value)]

    with pyebpf.load(object, attach=False):
        pass
    cgroup.chmod(0o700)
    reason, text = in_child(child)
    assert (
        reason == "privileges" and f"{cgroup} is closed to this user (Permission denied); CAP_DAC_READ_SEARCH" in text
    )


def test_sessions_of_ordinary_users_can_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text("from pyebpf import *\n@raw_tracepoint('sched_process_exit')\ndef probe(ctx):\n    pass\n")
    object = pyebpf.compile(path)
    place = Path("/mnt")
    mine, other = place / "mine", place / "other"

    def child() -> list[str]:
        let_users_start_python()
        mount_privately("bpf", str(place))
        mine.mkdir()
        other.mkdir(mode=0o700)
        os.chown(mine, 65534, 65534)
        become_nobody([CAPABILITIES["CAP_BPF"], CAPABILITIES["CAP_PERFMON"]])
        with pyebpf.load(object, pin=mine / "kept"):
            pass
        with pyebpf.adopt(mine / "kept") as session:
            assert [link.program for link in session.links] == ["probe"]
            session.unpin(mine / "kept")
        found = []
        attempts: list[Callable[[ExitStack], object]] = [
            lambda stack: pyebpf.load(object, pin=other / "kept"),
            lambda stack: pyebpf.adopt(other / "kept"),
            lambda stack: link_of(stack).pin(other / "link"),
        ]
        for attempt in attempts:
            with ExitStack() as stack, pytest.raises(pyebpf.LoadError) as caught:
                attempt(stack)
            found += [caught.value.reason, str(caught.value)]
        return found

    def link_of(stack: ExitStack) -> Link:
        session = stack.enter_context(pyebpf.load(object))
        found: Link = session.links[0]
        return found

    with pyebpf.load(object, attach=False):
        pass
    reasons = in_child(child)
    whose = f"{other} belongs to user 0, with mode 700"
    assert reasons[0] == "privileges" and whose in reasons[1]
    assert reasons[4] == "privileges" and whose in reasons[5]
    assert "cannot open the session in" in reasons[3] or "cannot take over" in reasons[3]


def test_the_command_line_says_so_by_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text("from pyebpf import *\n@raw_tracepoint('sched_process_exit')\ndef probe(ctx):\n    pass\n")
    done = command("run", path, "--for", "0", prepare=without_bpf)
    assert done.returncode == 3 and "a seccomp filter" in done.stderr
