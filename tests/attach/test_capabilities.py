"""Each hook with exactly the capabilities of its row, as an ordinary user; and with one fewer, which is then named.

In children that can't get root back. Their network namespace, cgroup and tracefs are the test's own.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import capability_facts
import pytest
from run_kernel import become_nobody, in_child, mount_privately
from run_network import Wire, set_up

import pyebpf
from pyebpf.effort.needs import needs
from pyebpf.kernel.capabilities import CAPABILITIES
from pyebpf.kernel.hooks import HOOKS, AttachKind, Hook
from pyebpf.loader import features

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PORTS = Path(__file__).parents[1] / "ports/programs"
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
    "sk_skb.verdict": "return sk_redirect_map(packet, ports, 0, 0)",
    "sk_skb.parser": "return len(packet) if sk_redirect_map(packet, ports, 0, 0) else 0",
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
            attach = where not in ("a map", "nowhere")
            with pyebpf.load(object, attach=attach, where={"probe": place} if place and attach else None) as session:
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
    }.get(hook.attach, "nowhere" if hook.where else None)
    assert with_capabilities(object, hook.capabilities, where) == ["", ""], hook.name
    for one in hook.capabilities:
        fewer = tuple(name for name in hook.capabilities if name != one)
        reason, text = with_capabilities(object, fewer, where)
        assert reason == "privileges" and f"this process lacks {one}" in text, (hook.name, text)


def test_an_ordinary_user_is_told_what_works() -> None:
    """Without a network namespace of its own, which takes CAP_SYS_ADMIN, the kernel is asked in another way."""
    names = ("xdp", "tcx", "netfilter", "netkit", "sk_lookup", "flow_dissector", "uprobe", "cgroup", "socket_filter")

    def asked() -> list[str]:
        become_nobody([CAPABILITIES[name] for name in ("CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN")])
        found = features.probe(anew=True)
        return [*(found[name].why for name in names), found["lwt"].why]

    *told, lwt = in_child(asked)
    root = features.probe()
    assert told == [root[name].why for name in names]
    assert lwt.startswith("this isn't tried without CAP_SYS_ADMIN")


def test_tables_say_what_loading_takes() -> None:
    """Also of programs that pyebpf has no hook for, of maps, and of helpers."""
    assert capability_facts.disagreements() == []


@pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")
@pytest.mark.parametrize("name", ["token_bucket", "echo", "matrix", "crc32", "vlan_stack", "refilled_bucket", "sieve"])
def test_who_computes_with_addresses_needs_more(name: str) -> None:
    """What the verifier allows those only who have CAP_PERFMON is known from the code."""
    object = pyebpf.compile(PORTS / f"{name}.py")
    found = needs(object, compiled=True)
    less = tuple(each for each in found.always if each != "CAP_PERFMON")
    allowed = with_capabilities(object, less, "nowhere") == ["", ""]
    assert allowed == (name == "token_bucket")
    perhaps = any(each == "CAP_PERFMON" for each, _ in found.sometimes)
    assert allowed == ("CAP_PERFMON" not in found.always and not perhaps)
    assert with_capabilities(object, (*less, "CAP_PERFMON"), "nowhere") == ["", ""]


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
