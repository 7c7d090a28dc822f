"""samples/tcp_states.py: every state of a connection that this test makes, on both of its sides."""

from __future__ import annotations

import socket

import pytest
from places import import_file
from run_cli import SAMPLES

import pyebpf

CLIENT = ["CLOSE → SYN_SENT", "SYN_SENT → ESTABLISHED", "ESTABLISHED → FIN_WAIT1", "FIN_WAIT1 → FIN_WAIT2"]
SERVER = ["LISTEN → SYN_RECV", "SYN_RECV → ESTABLISHED", "ESTABLISHED → CLOSE_WAIT", "CLOSE_WAIT → LAST_ACK"]


@pytest.mark.kernel
@pytest.mark.usefixtures("nothing_left")
def test_every_state_of_a_connection() -> None:
    sample = import_file(SAMPLES / "tcp_states.py")
    with pyebpf.load(sample) as session:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            client = socket.create_connection(("127.0.0.1", port))
            other, _ = server.accept()
            client.close()
            assert other.recv(1) == b""
            other.close()
        found = list(session.maps["changes"].poll(0.5))
        assert not session.faults
    changes = [(each, f"{each.before.name} → {each.after.name}") for each in found]
    client_side = [change for each, change in changes if each.remote_port == port]
    server_side = [change for each, change in changes if each.local_port == port and each.remote_port]
    assert client_side[:4] == CLIENT
    assert server_side[:4] == SERVER
    assert {str(each.local) for each in found if port in (each.local_port, each.remote_port)} == {"127.0.0.1"}
    assert not session.links
