"""Each hook with exactly the capabilities of its row, as an ordinary user; and with one fewer, which is then named.

In children that can't get root back. Their network namespace, cgroup and tracefs are the test's own.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from run_kernel import become_nobody, in_child, mount_privately
from run_network import Wire, set_up

import pyebpf
from pyebpf.kernel.capabilities import CAPABILITIES, MAPS, PERFMON_HELPERS
from pyebpf.kernel.hooks import HOOKS, AttachKind, Hook
from pyebpf.kernel.least import LEAST_MAPS, LEAST_PROGRAMS, LeastProgram
from pyebpf.kernel.maps import MapType
from pyebpf.loader import features
from pyebpf.loader import sys as bpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PYTHON = os.path.realpath("/usr/bin/python3")
FUNCTION = f'("{PYTHON}", "Py_BytesMain")'
ARGUMENTS = {
    "tracepoint": '("sched:sched_process_exit")',
    "raw_tracepoint": '("sched_process_exit")',
    "tp_btf": '("sched_process_exit")',
    "iterator": '("task")',
    "uprobe": FUNCTION,
    "uretprobe": FUNCTION,
    "uprobe.multi": FUNCTION,
    "usdt": f'("{PYTHON}", "python:function__entry")',
}
PARAMETERS = {"tracepoint": "ctx", "raw_tracepoint": "ctx", "iterator": "task", "syscall": "given: Given"}
BEFORE = {
    AttachKind.SOCKET_MAP: (
        "from pyebpf.helpers import msg_redirect_map, sk_redirect_map\nports = SockMap(max_entries=4)\n"
    ),
    AttachKind.RUN: "@struct\nclass Given:\n    number: u64\n",
}
BODIES = {
    "sk_msg": "return msg_redirect_map(packet, ports, 0, 0)",
    "sk_skb": "return sk_redirect_map(packet, ports, 0, 0)",
}
NATIVE = [
    *(hook for hook in HOOKS if hook.name in ARGUMENTS),
    *(hook for hook in HOOKS if not hook.takes and hook.attach is not AttachKind.NETFILTER),
    *(hook for hook in HOOKS if hook.attach is AttachKind.NETFILTER),
]
"""Those that take nothing of functions of the kernel, which not every machine lets be probed."""


def compiled(folder: Path, hook: Hook) -> pyebpf.Object:
    path = folder / "probe.py"
    parameter = "" if hook.target is not None else hook.parameter
    function = f"@{hook.name}{ARGUMENTS.get(hook.name, '')}\ndef probe({PARAMETERS.get(hook.name, parameter)}):"
    path.write_text(
        f"from pyebpf import *\n{BEFORE.get(hook.attach, '')}{function}\n    {BODIES.get(hook.name, 'pass')}\n"
    )
    return pyebpf.compile(path)


def with_capabilities(object: pyebpf.Object, names: tuple[str, ...], where: object) -> list[str]:
    """Reason and text of the error that loading and attaching ends with, as nobody with these capabilities."""
    tracing = any(program.hook == "tracepoint" for program in object.programs)

    def child() -> list[str]:
        if tracing:  # its mount options are the machine's: it stays as it is, root's own
            mount_privately("tracefs", "/sys/kernel/tracing")
        become_nobody([CAPABILITIES[name] for name in (*names, *(["CAP_DAC_READ_SEARCH"] if tracing else []))])
        place = _sharing() if where == "a socket" else where
        try:
            with pyebpf.load(object, attach=where != "a map", where={"probe": place} if place else None) as session:
                if where == "a map":
                    session.attach("probe", "ports")
                return ["", ""]
        except pyebpf.LoadError as error:
            return [error.reason, str(error)]

    found: list[str] = in_child(child)
    return found


def _sharing() -> socket.socket:
    found = socket.socket(type=socket.SOCK_DGRAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind(("127.0.0.1", 0))
    return found


@pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")
@pytest.mark.parametrize("kind", list(dict.fromkeys(hook.attach for hook in NATIVE)), ids=lambda kind: kind.name)
def test_exactly_these_are_enough(tmp_path: Path, wire: Wire, cgroup: Path, kind: AttachKind) -> None:
    set_up("lo")
    for hook in NATIVE:
        if hook.attach is kind:
            tried(hook, compiled(tmp_path, hook), wire, cgroup)


def tried(hook: Hook, object: pyebpf.Object, wire: Wire, cgroup: Path) -> None:
    """It attaches with the capabilities of its row, and with none fewer."""
    where = {
        AttachKind.NETDEV_XDP: wire.inside,
        AttachKind.TC: wire.inside,
        AttachKind.SOCKET: wire.inside,
        AttachKind.CGROUP: str(cgroup),
        AttachKind.NETNS: "/proc/thread-self/ns/net",
        AttachKind.NETFILTER: "ipv4:local_in",
        AttachKind.SOCKET_MAP: "a map",
        AttachKind.REUSEPORT: "a socket",
    }.get(hook.attach)
    assert with_capabilities(object, hook.capabilities, where) == ["", ""], hook.name
    for one in hook.capabilities:
        fewer = tuple(name for name in hook.capabilities if name != one)
        reason, text = with_capabilities(object, fewer, where)
        assert reason == "privileges" and f"this process lacks {one}" in text, (hook.name, text)


def told(what: Any, names: tuple[str, ...]) -> Any:
    """What `what` gives as nobody with these capabilities."""

    def child() -> Any:
        become_nobody([CAPABILITIES[name] for name in names])
        return what()

    return in_child(child)


@pytest.mark.parametrize("row", [row for row in LEAST_PROGRAMS if not row.by_link], ids=lambda row: row.name)
def test_what_loading_takes(row: LeastProgram) -> None:
    """Also of programs that pyebpf has no hook for. Where root itself is refused, there is nothing to learn."""

    def loads() -> bool:
        try:
            features.load_least(row, features._btf()).close()
        except (OSError, LookupError):
            return False
        return True

    if not loads():
        return
    assert told(loads, row.capabilities)
    for one in row.capabilities:
        assert not told(loads, tuple(name for name in row.capabilities if name != one)), one


def test_what_maps_take() -> None:
    def created() -> list[str]:
        types, inner = features.plain_types(), bpf.map_create(MapType.ARRAY, 4, 4, 1)
        found = []
        for kind in LEAST_MAPS:
            try:
                features.least_map(kind, types, inner).close()
                found.append(kind.name)
            except OSError:
                pass
        return found

    everything = set(created())
    assert {MapType(kind).name for kind in MAPS} <= everything
    assert set(told(created, ("CAP_BPF", "CAP_NET_ADMIN"))) == everything
    assert everything - set(told(created, ("CAP_BPF",))) == {MapType(kind).name for kind in MAPS}


def test_what_helpers_take() -> None:
    """Of programs whose kind needs no CAP_PERFMON, it decides what they may call."""

    def allowed() -> list[str]:
        return list(features._helpers({"cgroup.skb"})["cgroup.skb"])

    everything = set(told(allowed, ("CAP_BPF", "CAP_PERFMON")))
    missing = everything - set(told(allowed, ("CAP_BPF",)))
    assert "probe_read_kernel" in missing and "map_lookup_elem" not in missing
    assert {name for name in missing if not name.startswith("skc_to_")} == PERFMON_HELPERS & everything


@pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")
def test_a_helper_that_needs_more_is_named(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(
        "from pyebpf import *\nfrom pyebpf.helpers import get_current_task\nlast = Global[u64](0)\n"
        "@xdp\ndef probe(packet):\n    last.value = u64(get_current_task())\n    return XDP.PASS\n"
    )
    object = pyebpf.compile(path)
    reason, text = with_capabilities(object, ("CAP_BPF", "CAP_NET_ADMIN"), "")
    assert reason == "privileges" and "it calls get_current_task" in text and "this process lacks CAP_PERFMON" in text


def test_a_map_that_needs_more_is_named(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(
        "from pyebpf import *\nports = DevMap(max_entries=4)\n"
        "from pyebpf.helpers import redirect_map\n"
        "@xdp\ndef probe(packet):\n    return redirect_map(ports, 0, 0)\n"
    )
    reason, text = with_capabilities(pyebpf.compile(path), ("CAP_BPF",), "")
    assert reason == "privileges" and "create map ports: this process lacks CAP_NET_ADMIN" in text
