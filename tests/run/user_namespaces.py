"""A process in a namespace of users of its own, as in a container: with all capabilities there, and none outside.

The bpf file system that it has was made by it and configured from outside, which is how a BPF token is given (6.9).
Everything is gone with the process: its mounts, its network, the file system.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from run_kernel import CLONE_NEWNET, CLONE_NEWNS, LIBC, MS_PRIVATE, MS_REC, let_users_start_python

CLONE_NEWUSER: Final = 0x10000000
NOBODY: Final = 65534
_MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 429, 430, 431, 432
_SET_STRING, _CREATE = 1, 6
_FROM_EMPTY_PATH: Final = 4
_HERE: Final = -100


def _system(number: int, *arguments: int | bytes | None) -> int:
    values = [ctypes.c_long(each) if isinstance(each, int) else ctypes.c_char_p(each) for each in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *values)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"system call {number}")
    return int(result)


def in_namespace(function: Callable[[], Any], place: str = "", delegated: Mapping[str, str] | None = None) -> Any:
    """What `function` gives, as JSON has it, in such a process, which is nobody outside and root inside. `place`: the
    folder that has its bpf file system, with what is `delegated` (`{"delegate_cmds": "any"}`)."""
    outside, inside = socket.socketpair()
    child = os.fork()
    if not child:
        outside.close()
        try:
            _enter(inside, place, delegated is not None)
            answer = {"result": function()}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        try:
            inside.sendall(json.dumps(answer).encode() + b"\n")
        finally:  # though nobody listens any more
            os._exit(0)
    inside.close()
    with outside:
        _configure(outside, child, delegated)
        text = b""
        while not text.endswith(b"\n"):
            piece = outside.recv(1 << 16)
            if not piece:
                break
            text += piece
    os.waitpid(child, 0)
    answer = json.loads(text)
    assert "error" not in answer, answer["error"]
    return answer["result"]


def _enter(inside: socket.socket, place: str, with_files: bool) -> None:
    let_users_start_python()
    assert not LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET), os.strerror(ctypes.get_errno())
    inside.sendall(b"u")
    inside.recv(1)  # the users are known now
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    assert not LIBC.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    if with_files:
        socket.send_fds(inside, [b"f"], [_system(_FSOPEN, b"bpf", 0)])
        _, (mount,), _, _ = socket.recv_fds(inside, 1, 1)
        _system(_MOVE_MOUNT, mount, b"", _HERE, place.encode(), _FROM_EMPTY_PATH)
        os.close(mount)


def _configure(outside: socket.socket, child: int, delegated: Mapping[str, str] | None) -> None:
    """From outside, with the privileges of there."""
    if outside.recv(1) != b"u":
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {NOBODY} 1"), ("gid_map", f"0 {NOBODY} 1")):
        with open(f"/proc/{child}/{name}", "w") as file:
            file.write(text)
    outside.sendall(b"u")
    if delegated is None:
        return
    message, descriptors, _, _ = socket.recv_fds(outside, 1, 1)
    if message != b"f":
        return
    for name, value in delegated.items():
        _system(_FSCONFIG, descriptors[0], _SET_STRING, name.encode(), value.encode(), 0)
    _system(_FSCONFIG, descriptors[0], _CREATE, None, None, 0)
    mount = _system(_FSMOUNT, descriptors[0], 0, 0)
    socket.send_fds(outside, [b"m"], [mount])
    os.close(mount)
    os.close(descriptors[0])
