"""Which congestion control the kernel has, asked by a socket that chooses it."""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Iterator

import pytest
from run_kernel import comes_true


@pytest.fixture
def names_alone() -> Iterator[None]:
    """No test beside this one registers names of congestion control, which are the whole kernel's."""
    with open(__file__) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def registered(name: str) -> bool:
    with socket.socket() as one:
        try:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
        except OSError:
            return False
    return True


def gone(name: str) -> bool:
    """Whether it isn't registered, or is no more a moment after its link was closed."""
    return comes_true(lambda: not registered(name))
