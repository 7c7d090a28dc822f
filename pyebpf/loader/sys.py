"""bpf(2) and perf_event_open(2) by ctypes: thin typed wrappers that raise OSError and decide nothing.

Sources: `union bpf_attr` in include/uapi/linux/bpf.h; the kernel's syscall tables. Fields that an older kernel
doesn't know are sent as zeros, which it accepts. Descriptors of bpf(2) are always close-on-exec.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from functools import lru_cache
from types import TracebackType
from typing import Final, final

_NUMBERS: Final = {
    "bpf": {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361},
    "perf_event_open": {"x86_64": 298, "aarch64": 241, "riscv64": 241, "s390x": 331, "ppc64le": 319},
}
PERF_FLAG_FD_CLOEXEC: Final = 8
_libc = ctypes.CDLL(None, use_errno=True)


@final
class Descriptor:
    """An open file descriptor that is closed once: by `close`, by `with`, or with the object."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @property
    def fd(self) -> int:
        """Raises ValueError when closed."""
        if self._fd < 0:
            raise ValueError("it is closed: the map or program is no longer there")
        return self._fd

    def fileno(self) -> int:
        return self.fd

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def close(self) -> None:
        """Close it; nothing happens the second time."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Descriptor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except (OSError, AttributeError):
            pass


@lru_cache
def _number(call: str) -> int:
    """The number of a system call on this machine."""
    table, machine = _NUMBERS[call], os.uname().machine
    if machine not in table:
        raise OSError(errno.ENOSYS, f"no system call number for {machine}")
    return table[machine]


def call(command: int, attributes: bytes) -> tuple[int, bytes]:
    """bpf(2): its result, or -errno, and the attributes as the kernel left them."""
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    while True:
        result = _libc.syscall(
            ctypes.c_long(_number("bpf")), ctypes.c_long(command), buffer, ctypes.c_ulong(len(attributes))
        )
        code = ctypes.get_errno() if result < 0 else 0
        if code not in (errno.EAGAIN, errno.EINTR) or command != _PROG_LOAD:
            return -code if code else int(result), buffer.raw


def bpf(command: int, attributes: bytes) -> tuple[int, bytes]:
    """As `call`, where an error raises OSError."""
    result, left = call(command, attributes)
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result, left


_PROG_LOAD: Final = 5
F_TOKEN_FD: Final = 1 << 16
"""A token goes along (6.9)."""


def _buffer(data: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(data, max(len(data), 1))


def _name(name: str) -> bytes:
    """What the kernel takes as a name: 15 bytes of letters, digits, `_` and `.`."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.") else "_" for c in name)[:15].encode()


def map_create(
    map_type: int,
    key_size: int,
    value_size: int,
    max_entries: int,
    flags: int = 0,
    name: str = "",
    *,
    btf_fd: int = 0,
    key_type_id: int = 0,
    value_type_id: int = 0,
    extra: int = 0,
    inner_fd: int = 0,
    numa_node: int = 0,
    vmlinux_value_type_id: int = 0,
    token: int = 0,
) -> Descriptor:
    """BPF_MAP_CREATE. `inner_fd`: for maps of maps, a map like those that will be in it. `token` (6.9)."""
    attributes = struct.pack(
        "=7I16sIIIIIQii",
        *(map_type, key_size, value_size, max_entries, flags | (F_TOKEN_FD if token else 0), inner_fd, numa_node),
        *(_name(name), 0, btf_fd, key_type_id, value_type_id, vmlinux_value_type_id, extra, 0, token),
    )
    return Descriptor(bpf(0, attributes)[0])


def _element(
    command: int, fd: int, key: bytes | None, value: ctypes.Array[ctypes.c_char] | None, flags: int = 0
) -> None:
    key_buffer = None if key is None else _buffer(key)
    key_address = 0 if key_buffer is None else ctypes.addressof(key_buffer)
    value_address = 0 if value is None else ctypes.addressof(value)
    bpf(command, struct.pack("=IIQQQ", fd, 0, key_address, value_address, flags))


def map_lookup(
    fd: int, key: bytes | None, value_size: int, flags: int = 0, *, value: bytes | None = None
) -> bytes | None:
    """The value, or None. `value_size` is what the kernel copies: for per-CPU maps that of all possible CPUs.

    Maps without keys have None for it; Bloom filters are given the `value` that is looked for.
    """
    buffer = ctypes.create_string_buffer(value_size) if value is None else _buffer(value)
    try:
        _element(1, fd, key, buffer, flags)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return buffer.raw


def map_update(fd: int, key: bytes | None, value: bytes, flags: int = 0) -> None:
    """BPF_MAP_UPDATE_ELEM."""
    _element(2, fd, key, _buffer(value), flags)


def map_delete(fd: int, key: bytes) -> bool:
    """Whether the key was there."""
    try:
        _element(3, fd, key, None)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    return True


def map_pop(fd: int, value_size: int, key: bytes | None = None, flags: int = 0) -> bytes | None:
    """BPF_MAP_LOOKUP_AND_DELETE_ELEM: without a key (4.20) what is next in a queue or stack, or None; with one (5.14)
    the value that an entry of a hash had."""
    value = ctypes.create_string_buffer(value_size)
    try:
        _element(21, fd, key, value, flags)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def map_get_next_key(fd: int, key: bytes | None, key_size: int) -> bytes | None:
    """The key behind `key` (None: the first), or None at the end."""
    following = ctypes.create_string_buffer(key_size)
    try:
        _element(4, fd, key, following)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return following.raw


def map_freeze(fd: int) -> None:
    """BPF_MAP_FREEZE (5.2): no more writes from user space."""
    bpf(22, struct.pack("=I", fd))


def btf_load(data: bytes, token: int = 0) -> Descriptor:
    """BPF_BTF_LOAD (4.18)."""
    buffer = _buffer(data)
    flags = F_TOKEN_FD if token else 0
    return Descriptor(
        bpf(18, struct.pack("=QQIIIIIi", ctypes.addressof(buffer), 0, len(data), 0, 0, 0, flags, token))[0]
    )


def prog_load(
    program_type: int,
    code: bytes,
    license: str,
    *,
    name: str = "",
    flags: int = 0,
    expected_attach_type: int = 0,
    btf_fd: int = 0,
    func_info: bytes = b"",
    line_info: bytes = b"",
    attach_btf_id: int = 0,
    attach_btf_fd: int = 0,
    descriptors: bytes = b"",
    kernel_version: int = 0,
    log: ctypes.Array[ctypes.c_char] | None = None,
    log_level: int = 0,
    token: int = 0,
) -> Descriptor:
    """BPF_PROG_LOAD. The verifier writes into `log`, as C text. `attach_btf_fd`: of the module that the target is in
    (5.11). `descriptors`: `fd_array`, in which instructions name BTF of modules (5.16)."""
    instructions, words = _buffer(code), _buffer(license.encode() + b"\0")
    functions, lines, array = _buffer(func_info), _buffer(line_info), _buffer(descriptors)
    attributes = struct.pack(
        "=IIQQIIQII16sIIIIQIIQIIIIQQIIi",
        *(program_type, len(code) // 8, ctypes.addressof(instructions), ctypes.addressof(words)),
        *(log_level, 0 if log is None else len(log), 0 if log is None else ctypes.addressof(log)),
        *(kernel_version, flags | (F_TOKEN_FD if token else 0), _name(name), 0, expected_attach_type, btf_fd),
        *(8 if func_info else 0, ctypes.addressof(functions) if func_info else 0, len(func_info) // 8),
        *(16 if line_info else 0, ctypes.addressof(lines) if line_info else 0, len(line_info) // 16),
        *(attach_btf_id, attach_btf_fd, 0, ctypes.addressof(array) if descriptors else 0),
        *(0, 0, 0, token),
    )
    return Descriptor(bpf(_PROG_LOAD, attributes)[0])


BPF_F_REPLACE: Final = 1 << 2
"""`link_update` with the program that is expected there."""


def link_create(prog_fd: int, target: int, attach_type: int, flags: int = 0, extra: bytes = b"") -> Descriptor:
    """BPF_LINK_CREATE (5.7). `target` is a descriptor or an interface; `extra` what follows in `link_create`."""
    return Descriptor(bpf(28, struct.pack("=IIII", prog_fd, target, attach_type, flags) + extra.ljust(48, b"\0"))[0])


def iter_create(link_fd: int, flags: int = 0) -> Descriptor:
    """BPF_ITER_CREATE (5.8): a file whose reading runs the iterator of a link."""
    return Descriptor(bpf(33, struct.pack("=II", link_fd, flags))[0])


def link_update(link_fd: int, new_prog_fd: int, flags: int = 0, old_prog_fd: int = 0) -> None:
    """BPF_LINK_UPDATE (5.7)."""
    bpf(29, struct.pack("=IIII", link_fd, new_prog_fd, flags, old_prog_fd))


def prog_attach(prog_fd: int, target: int, attach_type: int, flags: int = 0) -> None:
    """BPF_PROG_ATTACH (4.10): to a descriptor, without a link."""
    bpf(8, struct.pack("=IIII", target, prog_fd, attach_type, flags))


def prog_detach(prog_fd: int, target: int, attach_type: int) -> None:
    """BPF_PROG_DETACH (4.10)."""
    bpf(9, struct.pack("=IIII", target, prog_fd, attach_type, 0))


def link_detach(link_fd: int) -> None:
    """BPF_LINK_DETACH (5.9): take the program from its hook, whoever has the link open. Links of XDP and cgroups."""
    bpf(34, struct.pack("=I", link_fd))


def raw_tracepoint_open(name: str, prog_fd: int) -> Descriptor:
    """BPF_RAW_TRACEPOINT_OPEN (4.17). An empty name for programs that name their target at load."""
    buffer = _buffer(name.encode() + b"\0")
    address = ctypes.addressof(buffer) if name else 0
    return Descriptor(bpf(17, struct.pack("=QII", address, prog_fd, 0))[0])


def prog_test_run(
    prog_fd: int,
    data: bytes | None = None,
    *,
    context: bytes = b"",
    repeat: int = 1,
    flags: int = 0,
    cpu: int = 0,
    output_size: int = 0,
) -> tuple[int, bytes, int]:
    """BPF_PROG_TEST_RUN (4.12): the result (u32), the data afterwards, and ns per run."""
    given, ctx = _buffer(data or b""), _buffer(context)
    out = ctypes.create_string_buffer(max(output_size, 1))
    attributes = struct.pack(
        "=IIIIQQIIIIQQIIQ",
        *(prog_fd, 0, len(data or b""), output_size, ctypes.addressof(given) if data else 0),
        *(ctypes.addressof(out) if output_size else 0, repeat, 0, len(context), 0),
        *(ctypes.addressof(ctx) if context else 0, 0, flags, cpu, 0),
    )
    _, after = bpf(10, attributes)
    result, size = struct.unpack_from("=I4xI", after, 4)
    return result, out.raw[: min(size, output_size)], struct.unpack_from("=I", after, 36)[0]


def prog_run(prog_fd: int, context: bytes) -> tuple[int, bytes]:
    """BPF_PROG_RUN of a syscall program (5.14): the result (u32), and the context as the program leaves it."""
    given = _buffer(context)
    attributes = struct.pack(
        "=IIIIQQIIIIQQIIQ",
        *(prog_fd, 0, 0, 0, 0, 0, 0, 0, len(context), 0),
        *(ctypes.addressof(given) if context else 0, 0, 0, 0, 0),
    )
    _, after = bpf(10, attributes)
    return struct.unpack_from("=I", after, 4)[0], given.raw[: len(context)]


def obj_get_info_by_fd(fd: int, size: int = 256, given: bytes = b"") -> bytes:
    """BPF_OBJ_GET_INFO_BY_FD (4.13): `struct bpf_prog_info`, `bpf_map_info`, `bpf_link_info` (5.8) or `bpf_btf_info`,
    as far as the kernel fills it; `given` is what stands in it before, such as addresses of buffers."""
    info = ctypes.create_string_buffer(given, size)
    _, after = bpf(15, struct.pack("=IIQ", fd, size, ctypes.addressof(info)))
    return info.raw[: struct.unpack_from("=I", after, 4)[0]]


def obj_pin(fd: int, path: str) -> None:
    """BPF_OBJ_PIN (4.4; links 5.7): a name in a bpf file system, for as long as that is there."""
    name = _buffer(os.fsencode(path) + b"\0")
    bpf(6, struct.pack("=QII", ctypes.addressof(name), fd, 0))


def obj_get(path: str) -> Descriptor:
    """BPF_OBJ_GET (4.4): what is pinned there."""
    name = _buffer(os.fsencode(path) + b"\0")
    return Descriptor(bpf(7, struct.pack("=QII", ctypes.addressof(name), 0, 0))[0])


def token_create(bpffs_fd: int) -> Descriptor:
    """BPF_TOKEN_CREATE (6.9): what the bpf file system whose root that is delegates."""
    return Descriptor(bpf(36, struct.pack("=II", 0, bpffs_fd))[0])


def _next_id(command: int, after: int) -> int | None:
    try:
        _, attributes = bpf(command, struct.pack("=III", after, 0, 0))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    following: int = struct.unpack_from("=I", attributes, 4)[0]
    return following


def prog_get_next_id(after: int = 0) -> int | None:
    """The next program's id (4.13), None at the end. Needs CAP_SYS_ADMIN."""
    return _next_id(11, after)


def map_get_next_id(after: int = 0) -> int | None:
    """The next map's id (4.13)."""
    return _next_id(12, after)


def link_get_next_id(after: int = 0) -> int | None:
    """The next link's id (5.8)."""
    return _next_id(31, after)


def btf_get_next_id(after: int = 0) -> int | None:
    """The next BTF's id (5.4), the kernel's and its modules' among them (5.11)."""
    return _next_id(23, after)


def btf_get_fd_by_id(number: int) -> Descriptor:
    """BPF_BTF_GET_FD_BY_ID (4.18)."""
    return Descriptor(bpf(19, struct.pack("=III", number, 0, 0))[0])


def btf_name(fd: int) -> str:
    """What the BTF is of: "vmlinux", a module's name (5.11), "" if it is no kernel's."""
    name = ctypes.create_string_buffer(64)
    info = ctypes.create_string_buffer(struct.pack("=QIIQII", 0, 0, 0, ctypes.addressof(name), len(name), 0), 32)
    bpf(15, struct.pack("=IIQ", fd, 32, ctypes.addressof(info)))
    return name.value.decode("utf-8", "replace") if struct.unpack_from("=I", info.raw, 28)[0] else ""


def prog_get_fd_by_id(number: int) -> Descriptor:
    """BPF_PROG_GET_FD_BY_ID (4.13)."""
    return Descriptor(bpf(13, struct.pack("=III", number, 0, 0))[0])


def map_get_fd_by_id(number: int) -> Descriptor:
    """BPF_MAP_GET_FD_BY_ID (4.13)."""
    return Descriptor(bpf(14, struct.pack("=III", number, 0, 0))[0])


def perf_event_open(
    attributes: bytes, pid: int, cpu: int, group: int = -1, flags: int = PERF_FLAG_FD_CLOEXEC
) -> Descriptor:
    """perf_event_open(2); `attributes` is a `struct perf_event_attr`."""
    buffer = _buffer(attributes)
    numbers = [ctypes.c_long(number) for number in (pid, cpu, group, flags)]
    result = _libc.syscall(ctypes.c_long(_number("perf_event_open")), buffer, *numbers)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return Descriptor(int(result))
