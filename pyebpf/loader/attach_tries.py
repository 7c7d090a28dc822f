"""Attaching, tried for real: to what nobody uses, and gone at once."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from pyebpf.diagnostics.base import Error
from pyebpf.kernel.capabilities import UPROBE_LINKS
from pyebpf.kernel.least import RARE
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.kernel.tracepoints import tracepoint_id
from pyebpf.kernel.versions import Version, running_version, show_version
from pyebpf.loader import netlink, privileges, routes, sys
from pyebpf.loader.attach import route
from pyebpf.loader.attach.perf import ATTRIBUTES, BPF_PERF_EVENT, set_program
from pyebpf.loader.instructions import returns
from pyebpf.records import dataclass

CLONE_NEWNET: Final = 0x40000000
NOBODY: Final = 2**32 - 1
"""A descriptor that isn't one: where the kernel knows the kind of link, this is what it complains of."""
NO_DEVICE: Final = 2**31 - 1
"""The number of an interface that isn't there."""
PF_INET: Final = 2
NF_INET_LOCAL_IN: Final = 1
_PERF_TYPE_SOFTWARE: Final = 1
_PERF_TYPE_TRACEPOINT: Final = 2
_CPU_CLOCK: Final = 0
_RTM_NEWLINK: Final = 16
_IFF_UP: Final = 1
_libc = ctypes.CDLL(None, use_errno=True)


@final
@dataclass(frozen=True, slots=True)
class Try:
    """A way of attaching. `program` is the kind of `kernel.least`; `how` attaches one, and takes it away again."""

    name: str
    since: Version
    program: str
    capabilities: tuple[str, ...]
    needs: str
    how: Callable[[sys.Descriptor], None]
    own_network: bool = False
    """Whether it is done in a network namespace of its own."""
    asked: Callable[[sys.Descriptor], None] | None = None
    """Without CAP_SYS_ADMIN there is no such namespace. Then the kernel is asked for what it never does, and says so
    in another way if it knows the kind of link."""


def attached(each: Try, program: sys.Descriptor) -> str:
    """Why attaching in this way doesn't work here, or ""."""
    try:
        if not each.own_network:
            each.how(program)
        elif privileges.missing(("CAP_SYS_ADMIN",)):
            if each.asked is None:
                return "this isn't tried without CAP_SYS_ADMIN, since it takes a network namespace of its own"
            each.asked(program)
        else:
            _in_own_network(lambda: each.how(program))
    except (LookupError, Error) as error:
        return str(error)
    except OSError as error:
        version = running_version()
        if version is not None and version < each.since:
            return f"needs Linux {show_version(each.since)}"
        if error.errno in (errno.EPERM, errno.EACCES):
            return privileges.why_refused(each.capabilities)
        built = f"this kernel is built without {each.needs}, perhaps" if each.needs else "this kernel can't"
        return f"{built} ({error.strerror})"
    return ""


def _in_own_network(how: Callable[[], None]) -> None:
    """Do it in a thread that has a network namespace of its own, which goes with the thread."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            if _libc.unshare(CLONE_NEWNET):
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
            how()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _link(attach_type: int, target: int = 0, flags: int = 0, extra: bytes = b"") -> Callable[[sys.Descriptor], None]:
    return lambda program: sys.link_create(program.fd, target, attach_type, flags, extra).close()


def _known_link(
    attach_type: int, says: int = errno.EBADF, target: int = NOBODY, flags: int = 0, extra: bytes = b""
) -> Callable[[sys.Descriptor], None]:
    """A link on nothing: the kernel that knows such links says that it is nothing (EBADF), or what else it `says`."""

    def how(program: sys.Descriptor) -> None:
        try:
            sys.link_create(program.fd, target, attach_type, flags, extra).close()
        except OSError as error:
            if error.errno != says:
                raise

    return how


def _known_netkit(program: sys.Descriptor) -> None:
    """A link on an interface of another kind: the kernel that knows netkit says so (ENXIO)."""
    try:
        _on_own_interface(AttachType.NETKIT_PRIMARY)(program)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise


def _on_own_interface(attach_type: int) -> Callable[[sys.Descriptor], None]:
    return lambda program: sys.link_create(program.fd, socket.if_nametoindex("lo"), attach_type).close()


def _on_own_namespace(attach_type: int) -> Callable[[sys.Descriptor], None]:
    def how(program: sys.Descriptor) -> None:
        namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            sys.link_create(program.fd, namespace, attach_type).close()
        finally:
            os.close(namespace)

    return how


def _on_the_device(program: sys.Descriptor) -> None:
    """XDP on a device that has no processor of its own: where links of XDP are known, that is EOPNOTSUPP."""
    loopback = socket.if_nametoindex("lo")
    _known_link(AttachType.XDP, errno.EOPNOTSUPP, loopback, XDP_FLAGS_HW_MODE)(program)


def _raw_tracepoint(program: sys.Descriptor) -> None:
    sys.raw_tracepoint_open("sched_process_exit", program.fd).close()


def _trampoline(program: sys.Descriptor) -> None:
    sys.raw_tracepoint_open("", program.fd).close()


def _event(program: sys.Descriptor, attributes: bytes, pid: int = -1) -> None:
    """A perf event with the program on it."""
    event = sys.perf_event_open(attributes, pid, 0 if pid < 0 else -1)
    try:
        for holder in set_program(program, event):
            holder.close()
    finally:
        event.close()


def _attributes(kind: int, config: int, first: int = 0, second: int = 0, period: int = 1) -> bytes:
    return ATTRIBUTES.pack(kind, ATTRIBUTES.size, config, period, 0, 0, 1, 1, 0, first, second)


def _tracepoint(program: sys.Descriptor) -> None:
    _event(program, _attributes(_PERF_TYPE_TRACEPOINT, tracepoint_id("sched", "sched_process_exit")))


def _perf_event(program: sys.Descriptor) -> None:
    _event(program, _attributes(_PERF_TYPE_SOFTWARE, _CPU_CLOCK, period=1 << 40), pid=0)


def _perf_link(program: sys.Descriptor) -> None:
    event = sys.perf_event_open(_attributes(_PERF_TYPE_SOFTWARE, _CPU_CLOCK, period=1 << 40), 0, -1)
    with event:
        sys.link_create(program.fd, event.fd, BPF_PERF_EVENT).close()


def _kprobe(program: sys.Descriptor) -> None:
    name = ctypes.create_string_buffer(RARE.encode())
    _event(program, _attributes(_pmu("kprobe"), 0, ctypes.addressof(name)))


def _uprobe(program: sys.Descriptor) -> None:
    def how(path: bytes) -> None:
        name = ctypes.create_string_buffer(path)
        _event(program, _attributes(_pmu("uprobe"), 0, ctypes.addressof(name)))

    try:
        _on_own_file(how)
    except PermissionError:
        if (running_version() or UPROBE_LINKS) < UPROBE_LINKS:
            raise
        kind = AttachType.TRACE_UPROBE_MULTI  # as pyebpf attaches them then
        with sys.prog_load(ProgramType.KPROBE, returns(0), "GPL", expected_attach_type=kind) as other:
            _uprobes(kind)(other)


def _pmu(name: str) -> int:
    try:
        return int(Path(f"/sys/bus/event_source/devices/{name}/type").read_text())
    except (OSError, ValueError):
        raise LookupError(f"this kernel has no {name}s (CONFIG_{name.upper()}S)") from None


def _on_own_file(how: Callable[[bytes], None]) -> None:
    """With the path of a file in memory that nobody runs."""
    file = os.memfd_create("pyebpf", os.MFD_CLOEXEC)
    try:
        os.write(file, bytes(4096))
        how(f"/proc/{os.getpid()}/fd/{file}".encode())
    finally:
        os.close(file)


def _uprobes(attach_type: int) -> Callable[[sys.Descriptor], None]:
    def how(program: sys.Descriptor) -> None:
        def on(path: bytes) -> None:
            name, places = ctypes.create_string_buffer(path), ctypes.create_string_buffer(bytes(8), 8)
            extra = struct.pack("=QQQQII", ctypes.addressof(name), ctypes.addressof(places), 0, 0, 1, 0)
            sys.link_create(program.fd, 0, attach_type, 0, extra).close()

        _on_own_file(on)

    return how


def _kprobes(attach_type: int) -> Callable[[sys.Descriptor], None]:
    def how(program: sys.Descriptor) -> None:
        name = ctypes.create_string_buffer(RARE.encode())
        names = ctypes.create_string_buffer(struct.pack("=Q", ctypes.addressof(name)), 8)
        extra = struct.pack("=IIQQQ", 0, 1, ctypes.addressof(names), 0, 0)
        sys.link_create(program.fd, 0, attach_type, 0, extra).close()

    return how


def _netfilter(program: sys.Descriptor) -> None:
    extra = struct.pack("=IIiI", PF_INET, NF_INET_LOCAL_IN, -100, 0)
    sys.link_create(program.fd, 0, AttachType.NETFILTER, 0, extra).close()


def _on_route(program: sys.Descriptor) -> None:
    """On a route of the loopback device, which goes with its namespace."""
    wanted = routes.parse("10.0.0.0/8 dev lo")
    on = route.Shared(wanted, routes.made(wanted), there=False)
    on.programs[ProgramType.LWT_OUT] = (program.fd, "pyebpf")
    with netlink.Netlink() as ask:
        up = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, socket.if_nametoindex("lo"), _IFF_UP, _IFF_UP)
        ask.ask(_RTM_NEWLINK, netlink.ACK, up)
        on.set(ask)


def _on_socket(option: int, kind: socket.SocketKind) -> Callable[[sys.Descriptor], None]:
    def how(program: sys.Descriptor) -> None:
        with socket.socket(socket.AF_INET, kind) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            own.bind(("127.0.0.1", 0))
            own.setsockopt(socket.SOL_SOCKET, option, program.fd)

    return how


def _test_run(program: sys.Descriptor) -> None:
    sys.prog_test_run(program.fd, bytes(64), output_size=64)


def _pinned(program: sys.Descriptor) -> None:
    folder = privileges.mounted("bpf")
    if folder is None:
        raise LookupError("no bpf file system is mounted; to have one: mount -t bpf bpf /sys/fs/bpf")
    import secrets

    if not os.access(folder, os.W_OK | os.X_OK):
        raise LookupError(f"this user may not write in {folder}; root can make a folder there for it")
    path = f"{folder}/pyebpf{secrets.token_hex(8)}"
    sys.obj_pin(program.fd, path)
    with suppress(OSError):
        os.unlink(path)


XDP_FLAGS_HW_MODE: Final = 1 << 3
_NO_FAMILY: Final = struct.pack("=IIiI", 255, 0, 0, 0)
_T: Final = ("CAP_BPF", "CAP_PERFMON")
_N: Final = ("CAP_BPF", "CAP_NET_ADMIN")
SO_ATTACH_BPF: Final = 50
SO_ATTACH_REUSEPORT_EBPF: Final = 52
TRIES: Final = (
    Try("tracepoint", (4, 7), "tracepoint", _T, "CONFIG_BPF_EVENTS", _tracepoint),
    Try("raw_tracepoint", (4, 17), "raw_tracepoint", _T, "CONFIG_BPF_EVENTS", _raw_tracepoint),
    Try("tp_btf", (5, 5), "tp_btf", _T, "CONFIG_BPF_EVENTS", _trampoline),
    Try("kprobe", (4, 17), "kprobe", _T, "CONFIG_KPROBE_EVENTS", _kprobe),
    Try("kprobe.multi", (5, 18), "kprobe.multi", _T, "CONFIG_FPROBE", _kprobes(AttachType.TRACE_KPROBE_MULTI)),
    Try("kprobe.session", (6, 10), "kprobe.session", _T, "CONFIG_FPROBE", _kprobes(AttachType.TRACE_KPROBE_SESSION)),
    Try("fentry", (5, 5), "fentry", _T, "CONFIG_FUNCTION_TRACER", _trampoline),
    Try("fexit", (5, 5), "fexit", _T, "CONFIG_FUNCTION_TRACER", _trampoline),
    Try("fmod_ret", (5, 7), "fmod_ret", _T, "CONFIG_FUNCTION_TRACER", _trampoline),
    Try("lsm", (5, 7), "lsm", _T, "CONFIG_BPF_LSM", _trampoline),
    Try("iterator", (5, 8), "iterator", _T, "", _link(AttachType.TRACE_ITER)),
    Try("uprobe", (4, 17), "kprobe", (*_T, "CAP_SYS_ADMIN"), "CONFIG_UPROBE_EVENTS", _uprobe),
    Try("uprobe.multi", (6, 6), "uprobe.multi", _T, "CONFIG_UPROBES", _uprobes(AttachType.TRACE_UPROBE_MULTI)),
    Try("uprobe.session", (6, 13), "uprobe.session", _T, "CONFIG_UPROBES", _uprobes(AttachType.TRACE_UPROBE_SESSION)),
    Try("perf_event", (4, 9), "perf_event", _T, "CONFIG_PERF_EVENTS", _perf_event),
    Try("link of a perf event", (5, 15), "perf_event", _T, "CONFIG_PERF_EVENTS", _perf_link),
    Try("xdp", (5, 9), "xdp", _N, "", _on_own_interface(AttachType.XDP), True, _on_the_device),
    Try(
        *("tcx", (6, 6), "tc", _N, "CONFIG_NET_XGRESS", _on_own_interface(AttachType.TCX_INGRESS), True),
        asked=_known_link(AttachType.TCX_INGRESS, errno.ENODEV, NO_DEVICE),
    ),
    Try(
        *("netfilter", (6, 4), "netfilter", _N, "CONFIG_NETFILTER_BPF_LINK", _netfilter, True),
        asked=_known_link(AttachType.NETFILTER, errno.EAFNOSUPPORT, 0, extra=_NO_FAMILY),
    ),
    Try(
        *("sk_lookup", (5, 9), "sk_lookup", ("CAP_BPF",), "", _on_own_namespace(AttachType.SK_LOOKUP), True),
        asked=_known_link(AttachType.SK_LOOKUP),
    ),
    Try(
        *("flow_dissector", (5, 8), "flow_dissector", _N, "", _on_own_namespace(AttachType.FLOW_DISSECTOR), True),
        asked=_known_link(AttachType.FLOW_DISSECTOR),
    ),
    Try("lwt", (4, 10), "lwt_out", _N, "CONFIG_LWTUNNEL_BPF", _on_route, own_network=True),
    Try("netkit", (6, 7), "tc", _N, "CONFIG_NETKIT", _known_netkit, True, _known_netkit),
    Try("cgroup", (5, 7), "cgroup.skb", _N, "CONFIG_CGROUP_BPF", _known_link(AttachType.CGROUP_INET_EGRESS)),
    Try("socket_filter", (3, 19), "socket_filter", ("CAP_BPF",), "", _on_socket(SO_ATTACH_BPF, socket.SOCK_DGRAM)),
    Try(
        "sk_reuseport",
        (4, 19),
        "sk_reuseport",
        ("CAP_BPF",),
        "",
        _on_socket(SO_ATTACH_REUSEPORT_EBPF, socket.SOCK_DGRAM),
    ),
    Try("test run", (4, 12), "xdp", _N, "", _test_run),
    Try("pinning", (4, 4), "socket_filter", ("CAP_BPF",), "", _pinned),
)
ALIKE: Final = {
    **dict.fromkeys(("kretprobe", "ksyscall", "kretsyscall"), "kprobe"),
    **dict.fromkeys(("uretprobe", "usdt"), "uprobe"),
    "kretprobe.multi": "kprobe.multi",
    "uretprobe.multi": "uprobe.multi",
    "lsm_cgroup": "lsm",
    **dict.fromkeys(("lwt.input", "lwt.output", "lwt.xmit"), "lwt"),
    **dict.fromkeys(("netkit.primary", "netkit.peer"), "netkit"),
}
"""Hooks that work where the other one does."""
