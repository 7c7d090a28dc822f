"""Ports that watch processes: the tests' own, compared with what /proc and the tests themselves know."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from pathlib import Path

import pytest
from run_kernel import in_child
from run_network import Wire, set_up

import pyebpf

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = pytest.mark.kernel


def parents(pid: int) -> list[int]:
    chain = [pid]
    while chain[-1] > 1:
        fields = Path(f"/proc/{chain[-1]}/stat").read_text().rpartition(")")[2].split()
        chain.append(int(fields[1]))
    return chain


def test_ancestors() -> None:
    with pyebpf.load(PROGRAMS / "ancestors.py") as session:
        session.variables["watched"].value = os.getpid()
        os.getppid()
        session.variables["watched"].value = 0
        chain = session.maps["chains"][0]
        assert list(chain.pids)[: chain.length] == parents(os.getpid())[:16]


def test_syscall_profile() -> None:
    with pyebpf.load(PROGRAMS / "syscall_profile.py", config={"target": os.getpid()}) as session:
        for _ in range(50):
            os.getppid()
        for link in session.links:
            link.detach()
        number = 110 if os.uname().machine == "x86_64" else 173  # getppid
        per_cpu = session.maps["totals"][number]
        assert sum(value.calls for value in per_cpu) == 50
        assert 0 < max(value.longest for value in per_cpu) <= sum(value.ns for value in per_cpu)


def test_opened_files(tmp_path: Path) -> None:
    with pyebpf.load(PROGRAMS / "opened_files.py", config={"target": os.getpid()}) as session:
        read, written = tmp_path / "read", tmp_path / ("long" * 30)
        read.touch()
        written.write_text("x")
        os.close(os.open(read, os.O_RDONLY))
        os.close(os.open(written, os.O_RDWR))
        found = [(e.name, e.mode.name, bool(e.create), bool(e.truncate)) for e in session.maps["opened"].poll(0)]
        assert (str(read), "READ", False, False) in found
        assert (str(written)[:127], "WRITE", True, True) in found
        assert (str(written)[:127], "BOTH", False, False) in found


def test_cgroup_budget(wire: Wire, cgroup: Path) -> None:
    set_up("lo")
    with pyebpf.load(PROGRAMS / "cgroup_budget.py", where={"spend": cgroup}) as session:
        session.variables["budget"].value = 500

        def exchange() -> int:
            (cgroup / "cgroup.procs").write_text("0")
            arrived = 0
            with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
                receiver.bind(("127.0.0.1", 0))
                for _ in range(6):
                    try:
                        sender.sendto(bytes(100), receiver.getsockname())
                        arrived += len(receiver.recv(2000)) == 100
                    except PermissionError:
                        continue
            return arrived

        assert in_child(exchange) == 3, "each takes 28 bytes more on its way"
        assert (session.variables["spent"].value, session.variables["dropped"].value) == (384, 3)


class Tag(ctypes.Structure):
    _fields_ = (("key", ctypes.c_char_p), ("value", ctypes.c_char_p))


class Node(ctypes.Structure):
    _fields_ = (
        ("next", ctypes.c_void_p),
        ("thread", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("tags", Tag * 4),
        ("state", ctypes.c_char * 8),
    )


class Notes:
    """What a process with threads keeps about its requests, in C's own structs."""

    def __init__(self) -> None:
        self.chains = (ctypes.c_void_p * 16)()
        self.nodes: list[Node] = []
        """Those that the chains lead to."""

    def add(self, thread: int, state: bytes, tags: dict[bytes, bytes]) -> Node:
        node = Node(self.chains[thread % 16], thread, len(tags), (Tag * 4)(*tags.items()))
        ctypes.memmove(ctypes.addressof(node) + Node.state.offset, state, len(state))
        self.nodes.append(node)
        self.chains[thread % 16] = ctypes.addressof(node)
        return node


def test_request_tags() -> None:
    """Three threads that note their requests down, one that doesn't, and one whose notes lead nowhere."""
    notes = Notes()
    names = ("GET /caf\u00e9", "PUT /b", "GET /caf\u00e9")
    turns, done = threading.Barrier(6), threading.Barrier(6)
    expected: list[tuple[int, str, str]] = []

    def work(number: int) -> None:
        thread = threading.get_native_id()
        if number < 3:
            # Behind the state's NUL lies something else in each: it is the same text.
            state, name = b"busy\0" + bytes([97 + number]) * 3, names[number]
            tags = {b"request": name.encode()}
            notes.add(thread, state, {b"user": b"nobody", **tags} if number else tags)
            notes.add(thread + 16, b"other", {b"request": b"of another thread"})
            expected.extend([(thread, "busy", name)] * (number + 1))
        elif number == 3:
            notes.add(thread, b"", {b"user": b"nobody"})
        else:
            notes.chains[thread % 16] = 0xDEAD_0000_0000
        turns.wait()
        for _ in range(number + 1):
            os.getppid()
        done.wait()

    call = 110 if os.uname().machine == "x86_64" else 173  # getppid
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(5)]
    for thread in threads:
        thread.start()
    config = {"target": os.getpid(), "number": call, "table": ctypes.addressof(notes.chains)}
    with pyebpf.load(PROGRAMS / "request_tags.py", config=config) as session:
        turns.wait()
        done.wait()
        for thread in threads:
            thread.join()
        found = [(event.thread, event.state, event.request) for event in session.maps["seen"].poll(0)]
        assert sorted(found) == sorted(expected)
        assert session.maps["requests"].to_dict() == {"GET /caf\u00e9": 1 + 3, "PUT /b": 2}
        assert session.maps["states"].to_dict() == {"busy": 6}
        assert session.variables["letters"].value == 4 * 3 + 2 * 1
        assert session.variables["unreadable"].value + session.variables["untagged"].value == 4 + 5
        assert not list(session.faults)
