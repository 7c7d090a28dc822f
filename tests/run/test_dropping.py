"""Privileges given up once everything is attached: what is read and ended all the same, and what isn't allowed then."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from run_cli import SAMPLES, Run
from run_cli import pyebpf as command
from run_kernel import bpf_ids, in_child, left_over
from run_network import Frame, Wire

import pyebpf
from pyebpf.loader.attach.tc import attach_filter
from pyebpf.runtime.dropping import account_of, drop_privileges

pytestmark = pytest.mark.usefixtures("nothing_left")
NOBODY = 65534
COUNT = """
@struct
class Event:
    value: u32

counts = Hash[u32, u64](max_entries=64)
events = RingBuf[Event](size=4096)
seen = Global[u64](0)
slots = Array[u64](max_entries=2)
where = Global[u32](9)

@socket_filter
def probe(packet):
    counts[1] += 1
    seen.value += 1
    with events.reserve() as event:
        event.value = 7
    if len(packet) > 100:
        slots[where.value] = 1
"""


def status(pid: int | str = "self", thread: int | None = None) -> dict[str, str]:
    """Of a process or thread, as it says in /proc."""
    folder = f"/proc/{pid}" if thread is None else f"/proc/{pid}/task/{thread}"
    lines = Path(f"{folder}/status").read_text().splitlines()
    return {name: " ".join(rest.split()) for name, _, rest in (line.partition(":") for line in lines)}


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "that didn't come true in 20 s"
        time.sleep(0.01)


@pytest.mark.parametrize("user", ["nobody", "4711", ""], ids=["by name", "by number", "root"])
def test_a_run_goes_on_without_and_ends_cleanly(tmp_path: Path, user: str) -> None:
    before = bpf_ids()
    options = ["--user", user] if user else []
    with Run(tmp_path, SAMPLES / "tcp_states.py", *options) as run:
        run.wait_for_links(1)
        until(lambda: status(run.process.pid)["NoNewPrivs"] == "1")
        now = status(run.process.pid)
        number = {"nobody": NOBODY, "4711": 4711, "": 0}[user]
        assert now["Uid"] == now["Gid"] == " ".join([str(number)] * 4)
        assert {now[f"Cap{kind}"] for kind in ("Eff", "Prm", "Inh", "Amb")} == {"0" * 16}
        assert int(now["Threads"]) == 1
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
        until(lambda: any("event" in line for line in run.lines()))  # the ring is read
        assert run.stop(signal.SIGINT) == 0
        assert "dropped" in run.lines()[-1]
    assert not left_over(before)


def test_a_run_can_keep_them(tmp_path: Path) -> None:
    with Run(tmp_path, SAMPLES / "tcp_states.py", "--keep-privileges") as run:
        run.wait_for_links(1)
        time.sleep(0.3)
        now = status(run.process.pid)
        assert now["NoNewPrivs"] == "0" and int(now["CapEff"], 16)
        assert run.stop(signal.SIGTERM) == 0


def test_wrong_users_are_told_before_anything_is_loaded() -> None:
    done = command("run", SAMPLES / "tcp_states.py", "--user", "nobodi", "--for", "1")
    assert done.returncode == 2 and "no user nobodi; did you mean nobody?" in done.stderr
    assert "tcp_states:" not in done.stderr
    done = command("run", SAMPLES / "tcp_states.py", "--user", "nobody", "--keep-privileges", "--for", "1")
    assert done.returncode == 2


@pytest.mark.parametrize("user", [None, "nobody", NOBODY])
def test_everything_can_still_be_read(program: Callable[[str], ModuleType], wire: Wire, user: str | int | None) -> None:
    module = program(COUNT)

    def child() -> object:
        with pyebpf.load(module, where={"probe": wire.inside}) as session:
            assert drop_privileges(session, user) == ()
            assert sender.send(Frame.ethernet(0x88B5) + bytes(186)) == 200
            found = [module.counts.to_dict()[1] > 0, next(iter(module.events)).value, module.seen.value > 0]
            module.counts.clear()
            module.where.value = 1
            fault = str(session.faults[0])
            attached = bool(session.links)
            session.links[0].detach()
            try:
                session.attach("probe", wire.inside)
            except pyebpf.LoadError as error:
                refused = [error.reason, str(error)]
            return [*found, fault.split()[0], attached, refused]

    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:  # which needs privileges, too
        sender.bind((wire.outside, 0))
        counted, event, seen, fault, attached, (reason, text) = in_child(child)
    assert counted and event == 7 and seen and attached and fault == "IndexError"
    assert reason == "privileges" and "CAP_NET_RAW" in text


def test_what_detaching_needs_is_kept(program: Callable[[str], ModuleType], wire: Wire) -> None:
    """A filter of clsact is taken away by netlink, which CAP_NET_ADMIN is for."""
    module = program("@tc.ingress\ndef probe(packet):\n    return TC.UNSPEC\n")
    before = bpf_ids()

    def child() -> object:
        with pyebpf.load(module, attach=False) as session:
            session._links.append(attach_filter(session.programs["probe"].loaded, wire.inside))
            kept = drop_privileges(session, "nobody")
            now = status()
        return [kept, now["CapEff"], now["Uid"]]

    kept, effective, users = in_child(child)
    assert kept == ["CAP_NET_ADMIN"] and int(effective, 16) == 1 << 12 and users.split()[0] == str(NOBODY)
    assert not left_over(before)  # a filter that was left would have its program


def test_threads_would_keep_theirs(program: Callable[[str], ModuleType]) -> None:
    module = program("@raw_tracepoint('sched_process_exit')\ndef probe(ctx):\n    pass\n")

    def child() -> object:
        done = threading.Event()
        thread = threading.Thread(target=done.wait)
        thread.start()
        try:
            with pyebpf.load(module) as session:
                try:
                    drop_privileges(session)
                except pyebpf.LoadError as error:
                    refused = str(error)
                drop_privileges(session, "nobody")  # the kernel takes them from every thread
                return [refused, [status(thread=int(each))["CapEff"] for each in os.listdir("/proc/self/task")]]
        finally:
            done.set()
            thread.join()

    refused, effective = in_child(child)
    assert "it has 2 threads" in refused and effective == ["0" * 16] * 2


def test_more_can_be_kept(program: Callable[[str], ModuleType]) -> None:
    object = pyebpf.compile(program("@raw_tracepoint('sched_process_exit')\ndef probe(ctx):\n    pass\n"))

    def child() -> object:
        with pyebpf.load(object) as session:
            with pytest.raises(ValueError, match="no capability CAP_BFP that BPF is about; did you mean CAP_BPF"):
                drop_privileges(session, keep=["CAP_BFP"])
            kept = drop_privileges(session, "nobody", keep=["CAP_BPF", "CAP_PERFMON"])
            with pyebpf.load(object):  # all of that is allowed still
                pass
        with pytest.raises(ValueError, match="closed"):
            drop_privileges(session)
        return kept

    with pyebpf.load(object, attach=False):  # imports what nobody else may be able to read
        pass
    assert in_child(child) == ["CAP_BPF", "CAP_PERFMON"]


def test_users() -> None:
    root = account_of("root")
    assert (root.user, root.group) == (0, 0) and account_of(0) == root
    assert account_of("4711").groups == () and account_of(4711).group == 4711
    for wrong in ("no such user", "", -1, 2**32 - 1, "nul\0", "-1", "\u0663"):
        with pytest.raises(pyebpf.LoadError, match="there is no user"):
            account_of(wrong)
    for other in (True, None, 1.5, b"root", ["root"]):
        with pytest.raises(TypeError, match="a user is a name or a number"):
            account_of(other)  # type: ignore[arg-type]


def test_twice_in_a_row(program: Callable[[str], ModuleType]) -> None:
    module = program("@raw_tracepoint('sched_process_exit')\ndef probe(ctx):\n    pass\n")

    def child() -> object:
        with pyebpf.load(module) as session:
            found = [drop_privileges(session), drop_privileges(session, keep="CAP_BPF")]
            try:
                drop_privileges(session, "nobody")
            except pyebpf.LoadError as error:
                return [*found, error.reason, str(error), status()["Uid"]]
        return []

    *found, reason, text, users = in_child(child)
    assert found == [[], []] and reason == "privileges" and users.split()[0] == "0"
    assert "becoming nobody takes CAP_SETUID and CAP_SETGID" in text
