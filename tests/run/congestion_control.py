"""Which congestion control the kernel has, asked by a socket that chooses it."""

from __future__ import annotations

import socket

from run_kernel import comes_true


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
