"""Just enough of bpf(2) to load a hand-written program and see what the verifier says."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from pyebpf.kernel.programs import ProgramType

_SYS_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
_PROG_LOAD = 5
_LIBC = ctypes.CDLL(None, use_errno=True)

EXIT = struct.pack("<BBhi", 0x95, 0, 0, 0)
RETURN_ZERO = struct.pack("<BBhi", 0xB7, 0, 0, 0) + EXIT
RETURN_ONE = struct.pack("<BBhi", 0xB7, 0, 0, 1) + EXIT


def call(helper: int) -> bytes:
    """The instruction that calls helper number `helper`."""
    return struct.pack("<BBhi", 0x85, 0, 0, helper)


def load(
    program_type: ProgramType, code: bytes, license: str = "GPL", *, attach: int = 0, target: int = 0, flags: int = 0
) -> tuple[int, str]:
    """Try to load; returns the error number (0 if it loaded, and was closed again) and the verifier's log.

    `attach` is the `expected_attach_type`, `target` the `attach_btf_id`.
    """
    instructions = ctypes.create_string_buffer(code, len(code))
    words = ctypes.create_string_buffer(license.encode())
    log = ctypes.create_string_buffer(1 << 16)
    attributes = struct.pack(
        "=IIQQIIQIIQQII36xI",
        program_type,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(words),
        1,
        len(log),
        ctypes.addressof(log),
        0,  # kern_version
        flags,
        0,  # prog_name
        0,
        0,  # prog_ifindex
        attach,
        target,
    ).ljust(144, b"\0")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    number = _SYS_BPF[platform.machine()]
    descriptor = _LIBC.syscall(number, _PROG_LOAD, ctypes.byref(buffer), len(attributes))
    if descriptor >= 0:
        os.close(descriptor)
        return 0, log.value.decode(errors="replace")
    return ctypes.get_errno(), log.value.decode(errors="replace")


def can_load() -> str:
    """Why programs can't be loaded here, or ""."""
    if platform.machine() not in _SYS_BPF:
        return f"no syscall number for {platform.machine()}"
    code, log = load(ProgramType.SOCKET_FILTER, RETURN_ZERO)
    return "" if code == 0 else f"bpf(): {errno.errorcode.get(code, code)} {log}".strip()
