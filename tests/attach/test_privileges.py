"""Without privileges: what is missing is named, and nothing is left. In children, which can't get root back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from run_kernel import become_nobody, drop_effective, in_child, mount_privately

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
MAP, PLAIN = "counts = Hash[u32, u64](max_entries=4)\n", ""
TRACE = "@tracepoint('raw_syscalls:sys_enter')\ndef probe(ctx):\n    {}\n"
PACKETS = "@{}\ndef probe(packet):\n    return 1\n"
CAP_DAC_READ_SEARCH, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 2, 12, 13, 21, 38, 39


def refused(object: pyebpf.Object, prepare: Callable[[], None], where: object = None) -> list[str]:
    """Reason and text of the error that loading and attaching ends with, after `prepare`, in a child."""

    def child() -> list[str]:
        prepare()
        try:
            with pyebpf.load(object, where=None if where is None else {"probe": where}):
                return ["", ""]
        except pyebpf.LoadError as error:
            return [error.reason, str(error)]

    with pyebpf.load(object, attach=False):  # imports what nobody else may be able to read
        pass
    return in_child(child)


def compiled(folder: Path, text: str) -> pyebpf.Object:
    path = folder / "probe.py"
    path.write_text("from pyebpf import *\n" + text)
    return pyebpf.compile(path)


@pytest.mark.parametrize(
    ("text", "what", "missing"),
    [
        (MAP + TRACE.format("counts[1] += 1"), "create map counts", "CAP_BPF"),
        (TRACE.format("pass"), "load program probe", "CAP_BPF, CAP_PERFMON"),
        (PACKETS.format("xdp"), "load program probe", "CAP_BPF, CAP_NET_ADMIN"),
        (PACKETS.format("cgroup.skb.egress"), "load program probe", "CAP_BPF, CAP_NET_ADMIN"),
        (PACKETS.format("socket_filter"), "load program probe", "CAP_BPF, CAP_NET_RAW"),
    ],
    ids=["map", "tracepoint", "xdp", "cgroup", "socket"],
)
def test_nobody_is_told_what_is_missing(tmp_path: Path, text: str, what: str, missing: str) -> None:
    reason, message = refused(compiled(tmp_path, text), become_nobody)
    assert reason == "privileges"
    assert message.startswith(f"cannot {what}: this process lacks {missing}; run it as root, or give it these")


@pytest.mark.parametrize(
    ("text", "kept", "what", "missing"),
    [
        (TRACE.format("pass"), [CAP_BPF], "load program probe", "CAP_PERFMON"),
        (PACKETS.format("xdp"), [CAP_BPF], "load program probe", "CAP_NET_ADMIN"),
        (PACKETS.format("socket_filter"), [CAP_BPF], "attach probe to lo", "CAP_NET_RAW"),
        (TRACE.format("pass"), [CAP_PERFMON], "load program probe", "CAP_BPF"),
    ],
    ids=["tracepoint", "xdp", "socket", "no CAP_BPF"],
)
def test_only_what_is_missing_is_named(tmp_path: Path, text: str, kept: list[int], what: str, missing: str) -> None:
    object = compiled(tmp_path, text)
    reason, message = refused(object, lambda: drop_effective(kept), None if "tracepoint" in text else "lo")
    assert reason == "privileges" and what in message
    assert missing in message and not {"CAP_BPF", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_PERFMON"} - {missing} & {
        word.strip(",;") for word in message.split()
    }


def test_capabilities_are_enough(tmp_path: Path) -> None:
    """Root isn't needed where its capabilities are."""
    object = compiled(tmp_path, MAP + PACKETS.format("socket_filter").replace("return 1", "counts[1] += 1"))

    def child() -> list[object]:
        drop_effective([CAP_BPF])
        with pyebpf.load(object, attach=False) as session:
            session.programs["probe"].test_run(bytes(64))
            return [session.maps["counts"][1], str(session.stats["probe"].runs)]

    assert in_child(child) == [1, "0"]


@pytest.mark.parametrize("more", [[], [CAP_DAC_READ_SEARCH]], ids=["closed", "open"])
def test_tracefs_that_is_closed_is_not_called_missing(tmp_path: Path, more: list[int]) -> None:
    """It is root's own, wherever it is mounted: here in a mount namespace of the test's."""
    object = compiled(tmp_path, TRACE.format("pass"))

    def prepare() -> None:
        mount_privately("tracefs", "/sys/kernel/tracing")
        become_nobody([CAP_BPF, CAP_PERFMON, *more])

    reason, message = refused(object, prepare)
    if more:
        assert (reason, message) == ("", "")
    else:
        assert reason == "privileges" and "mounting" not in message and "not mounted" not in message
        assert "tracefs is closed to this user (" in message and "CAP_DAC_READ_SEARCH" in message
