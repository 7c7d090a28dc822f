"""Structs of operations of foreign objects: congestion control that sockets of the test choose."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import foreign_objects
import pytest
from congestion_control import gone, registered

import pyebpf
from pyebpf.object.read import read_object
from pyebpf.object.specs import Object

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("names_alone")]
AVAILABLE = "/proc/sys/net/ipv4/tcp_available_congestion_control"


def congestion(*more: str) -> Object:
    return read_object(foreign_objects.build("struct_ops", *more))


def choose(name: str) -> str:
    """A socket's congestion control, chosen by its name; a connection over lo begins with it."""
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
        client.connect(server.getsockname())
        peer, _ = server.accept()
        peer.close()
        return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


@pytest.fixture
def session(names_alone: None) -> Iterator[pyebpf.Session]:
    with pyebpf.load(congestion()) as session:
        yield session
    assert gone("pyebpf_plain") and gone("pyebpf_linked")  # or the next one finds the names taken


def begun(session: pyebpf.Session) -> int:
    view = session._loaded.view(".bss")
    assert view is not None
    return int(struct.unpack_from("=Q", view)[0])


def test_sockets_run_the_operations(session: pyebpf.Session) -> None:
    assert [(link.program, link.where) for link in session.links] == [
        ("linked", "tcp_congestion_ops"),
        ("plain", "tcp_congestion_ops"),
    ] or [link.program for link in session.links] == ["plain", "linked"]
    before = begun(session)
    assert choose("pyebpf_linked") == "pyebpf_linked" and choose("pyebpf_plain") == "pyebpf_plain"
    assert begun(session) == before + 2
    session.links["linked"].detach()
    assert gone("pyebpf_linked") and registered("pyebpf_plain")
    session.close()
    assert gone("pyebpf_plain")


def test_what_is_optional_is_loaded_by_name(session: pyebpf.Session) -> None:
    assert gone("pyebpf_asked") and "alone" not in session.programs
    session.close()
    with pyebpf.load(congestion(), where={"optional": 1}):
        assert registered("pyebpf_asked")
    assert gone("pyebpf_asked")


def test_only_loaded(session: pyebpf.Session) -> None:
    session.close()
    with pyebpf.load(congestion(), attach=False) as loaded:
        assert gone("pyebpf_linked")
        link = loaded.attach("linked")
        assert registered("pyebpf_linked")
        link.detach()
        assert gone("pyebpf_linked")
        loaded.attach("linked")
        assert choose("pyebpf_linked") == "pyebpf_linked"
        with pytest.raises(pyebpf.LoadError, match="cannot register linked as tcp_congestion_ops"):
            loaded.attach("linked")
    assert gone("pyebpf_linked")


def test_a_process_that_is_killed_leaves_nothing() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            _session = pyebpf.load(congestion())
            os.write(writing, b"y" if registered("pyebpf_plain") else b"n")
            os.kill(os.getpid(), 9)
        finally:
            os._exit(1)
    os.close(writing)
    assert os.read(reading, 1) == b"y"
    os.close(reading)
    os.waitpid(pid, 0)
    assert gone("pyebpf_plain") and gone("pyebpf_linked")


def test_refusals() -> None:
    with pytest.raises(pyebpf.LoadError, match="tcp_congestion_ops has no member no_such_member"):
        pyebpf.load(congestion("-DMISSING"))
    with pytest.raises(pyebpf.LoadError, match="takes no operations of struct no_such_operations"):
        pyebpf.load(congestion("-DUNKNOWN"))
    with pytest.raises(pyebpf.LoadError, match="can't be kept in a folder"):
        pyebpf.load(congestion(), pin="/sys/fs/bpf/pyebpf-tests-never")
    assert gone("pyebpf_linked")
