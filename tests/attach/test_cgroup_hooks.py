"""Programs that decide what the processes of a cgroup may do: on a cgroup of the test's own, with one process in it.

Its network is a namespace with a loopback device."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from run_kernel import in_child
from run_network import Wire, set_up

import pyebpf
from pyebpf.kernel.hooks import HOOKS, AttachKind, Hook

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf.helpers import sysctl_get_name, sysctl_get_new_value, sysctl_set_new_value
asked4, asked6 = Hash[IPv4Address, u64](max_entries=16), Hash[IPv6Address, u64](max_entries=16)
asked_ports, kinds = Hash[u16, u64](max_entries=16), Hash[u32, u64](max_entries=64)
by_socket = SkStorage[u64]()
target = Config[u32](0)
count, last = Global[u64](0), Global[u64](0)

@cgroup.connect4
def connect4(ctx):
    asked4[ctx.user_ip4] += 1
    asked_ports[ctx.user_port] += 1
    kinds[ctx.type] += 1
    by_socket[ctx.socket] += 1
    last.value = by_socket[ctx.socket]
    if ctx.user_port == 1:
        return CGROUP.DENY
    if ctx.user_ip4 == IPv4Address("10.1.2.3"):
        ctx.user_ip4 = IPv4Address("127.0.0.1")
        ctx.user_port = u16(target.value)

@cgroup.connect6
def connect6(ctx):
    asked6[ctx.user_ip6] += 1
    if ctx.user_ip6 == IPv6Address("2001:db8::1"):
        ctx.user_ip6 = IPv6Address("::1")
        ctx.user_port = u16(target.value)

@cgroup.bind4
def bind4(ctx):
    asked_ports[ctx.user_port] += 1
    if ctx.user_port == 80:
        return CGROUP.ALLOW_ANY_PORT
    if ctx.user_port == 81:
        ctx.user_port = 8081

@cgroup.bind6
def bind6(ctx):
    asked6[ctx.user_ip6] += 1
    return ctx.user_port != 82

@cgroup.post_bind4
def post_bind4(ctx):
    asked_ports[u16(ctx.src_port)] += 1
    asked4[ctx.src_ip4] += 1
    return CGROUP.DENY if ctx.src_port == 8083 else CGROUP.ALLOW

@cgroup.post_bind6
def post_bind6(ctx):
    asked6[ctx.src_ip6] += 1

@cgroup.sendmsg4
def sendmsg4(ctx):
    if ctx.user_ip4 == IPv4Address("10.1.2.3"):
        ctx.user_ip4 = IPv4Address("127.0.0.1")
        ctx.user_port = u16(target.value)
        ctx.msg_src_ip4 = IPv4Address("127.0.0.9")

@cgroup.sendmsg6
def sendmsg6(ctx):
    asked6[ctx.user_ip6] += 1
    if ctx.user_ip6 == IPv6Address("2001:db8::1"):
        ctx.user_ip6 = IPv6Address("::1")
        ctx.user_port = u16(target.value)

@cgroup.recvmsg4
def recvmsg4(ctx):
    ctx.user_ip4 = IPv4Address("10.9.9.9")
    ctx.user_port = 53

@cgroup.recvmsg6
def recvmsg6(ctx):
    ctx.user_ip6 = IPv6Address("2001:db8::53")
    ctx.user_port = 53

@cgroup.getsockname4
def getsockname4(ctx):
    ctx.user_ip4 = IPv4Address("10.0.0.7")
    ctx.user_port = 7

@cgroup.getsockname6
def getsockname6(ctx):
    ctx.user_ip6 = IPv6Address("2001:db8::7")

@cgroup.getpeername4
def getpeername4(ctx):
    ctx.user_ip4 = IPv4Address("10.0.0.8")
    return CGROUP.ALLOW

@cgroup.getpeername6
def getpeername6(ctx):
    ctx.user_ip6 = IPv6Address("2001:db8::8")

@cgroup.connect_unix
def connect_unix(ctx):
    kinds[ctx.family] += 1
    return CGROUP.DENY

@cgroup.sock_create
def sock_create(ctx):
    kinds[ctx.type] += 1
    ctx.mark = 7
    ctx.priority = 3
    return ctx.type != 3

@cgroup.sock_release
def sock_release(ctx):
    kinds[ctx.protocol] += 1

@cgroup.device
def device(ctx):
    kinds[u32(ctx.major << 8 | ctx.minor)] += 1
    if ctx.type == 2 and ctx.major == 1 and ctx.minor == 7 and ctx.access & 4:
        return CGROUP.DENY

@cgroup.sysctl
def sysctl(ctx):
    name, value = u8[16](), u8[8]()
    sysctl_get_name(ctx, name, 1)
    if name[0] != ord("i"):
        return CGROUP.ALLOW
    count.value += 1
    if ctx.write:
        sysctl_get_new_value(ctx, value)
        last.value = value[0]
        if value[0] == ord("2"):
            value[0] = ord("1")
            sysctl_set_new_value(ctx, value[:1])
        if value[0] == ord("0"):
            return CGROUP.DENY

@cgroup.setsockopt
def set_option(ctx):
    if ctx.level == 0 and ctx.optname == 1:
        last.value = u64(ctx.optlen)
        asked = ctx.optval.load(0, u32)
        if asked == 0x10:
            ctx.optval.store(0, u32, 0x20)
        if asked == 0x40:
            return CGROUP.DENY
    if ctx.level == 0xDEAD:
        count.value = ctx.optval.load(0, u64) + (ctx.optval.load(16, u8) if ctx.optname == 2 else 0)
        ctx.optlen = -1

@cgroup.getsockopt
def get_option(ctx):
    if ctx.level == 0xDEAD:
        ctx.optval.store(0, u32, 4711)
        ctx.optlen = 4
        ctx.retval = 0

@sockops
def tcp(ctx):
    kinds[ctx.op] += 1
    if ctx.op == 4:
        asked4[ctx.remote_ip4] += 1
        asked_ports[u16(ctx.remote_port)] += 1
        last.value = ctx.local_port
        by_socket[ctx.socket] += 5
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Object:
    path = tmp_path_factory.mktemp("cgroup") / "program.py"
    path.write_text("from pyebpf import *\n" + PROGRAM)
    return pyebpf.compile(path)


class Asked:
    """A session whose programs are attached to the test's cgroup, and a process in that."""

    def __init__(self, session: pyebpf.Session, cgroup: Path) -> None:
        self.session, self.cgroup = session, cgroup

    def attach(self, *names: str) -> None:
        for name in names:
            self.session.attach(name, self.cgroup)

    def run(self, action: Callable[[], Any]) -> Any:
        def child() -> Any:
            (self.cgroup / "cgroup.procs").write_text("0")
            return action()

        return in_child(child)

    def map(self, name: str) -> dict[Any, Any]:
        found: dict[Any, Any] = self.session.maps[name].to_dict()
        return found

    def value(self, name: str) -> Any:
        return self.session.variables[name].value


PORT = 4242


@pytest.fixture
def asked(compiled: pyebpf.Object, wire: Wire, cgroup: Path) -> Asked:
    set_up("lo")
    with suppress(OSError):
        Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6").write_text("0")
    with pyebpf.load(compiled, attach=False, config={"target": PORT}) as session:
        yield Asked(session, cgroup)


def listener(stack: ExitStack, family: int = socket.AF_INET) -> socket.socket:
    opened = stack.enter_context(socket.socket(family))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("127.0.0.1" if family == socket.AF_INET else "::1", PORT))
    opened.listen()
    return opened


def datagrams(stack: ExitStack, family: int = socket.AF_INET, port: int = PORT) -> socket.socket:
    opened = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    opened.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))
    opened.settimeout(2)
    return opened


def trying(*addresses: Any, family: int = socket.AF_INET, action: str = "connect") -> list[str]:
    """What becomes of it, for each address."""
    found = []
    for address in addresses:
        with socket.socket(family) as opened:
            try:
                getattr(opened, action)(address)
                found.append("done")
            except OSError as error:
                found.append(type(error).__name__)
    return found


def test_connections_are_seen_sent_elsewhere_and_refused(asked: Asked) -> None:
    asked.attach("connect4")
    with ExitStack() as stack:
        listener(stack)
        found = asked.run(lambda: trying(("10.1.2.3", 443), ("127.0.0.1", 1), ("127.0.0.1", 2)))
    assert found == ["done", "PermissionError", "ConnectionRefusedError"]
    assert asked.map("asked4") == {IPv4Address("10.1.2.3"): 1, IPv4Address("127.0.0.1"): 2}
    assert asked.map("asked_ports") == {443: 1, 1: 1, 2: 1} and asked.map("kinds") == {socket.SOCK_STREAM: 3}
    assert asked.value("last") == 1  # each socket counts for itself
    assert not asked.session.faults


def test_connections_of_others_are_left_alone(asked: Asked) -> None:
    asked.attach("connect4")
    assert trying(("127.0.0.1", 1)) == ["ConnectionRefusedError"] and not asked.map("asked4")


def test_ipv6_connections(asked: Asked) -> None:
    asked.attach("connect6")
    with ExitStack() as stack:
        listener(stack, socket.AF_INET6)
        assert asked.run(lambda: trying(("2001:db8::1", 443), family=socket.AF_INET6)) == ["done"]
    assert asked.map("asked6") == {IPv6Address("2001:db8::1"): 1}


def test_binding(asked: Asked) -> None:
    asked.attach("bind4", "post_bind4")

    def bind() -> list[str]:
        os.setuid(65534)
        found = trying(*(("127.0.0.1", port) for port in (80, 79, 81, 8083)), action="bind")
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 81))
            return [*found, str(opened.getsockname()[1])]

    assert asked.run(bind) == ["done", "PermissionError", "done", "PermissionError", "8081"]
    assert asked.map("asked4") == {IPv4Address("127.0.0.1"): 4}
    assert asked.map("asked_ports") == {80: 2, 79: 1, 81: 2, 8081: 2, 8083: 2}


def test_binding_ipv6(asked: Asked) -> None:
    asked.attach("bind6", "post_bind6")
    found = asked.run(lambda: trying(("::1", 82), ("::1", 8084), family=socket.AF_INET6, action="bind"))
    assert found == ["PermissionError", "done"] and asked.map("asked6") == {IPv6Address("::1"): 3}


def test_datagrams_go_and_come_from_elsewhere(asked: Asked) -> None:
    asked.attach("sendmsg4")
    with ExitStack() as stack:
        receiver = datagrams(stack)

        def send() -> int:
            with socket.socket(type=socket.SOCK_DGRAM) as sender:
                return sender.sendto(b"hello", ("10.1.2.3", 53))

        assert asked.run(send) == 5
        data, (source, _) = receiver.recvfrom(64)
    assert data == b"hello" and source == "127.0.0.9"


def test_ipv6_datagrams(asked: Asked) -> None:
    asked.attach("sendmsg6", "recvmsg6")
    with ExitStack() as stack:
        receiver = datagrams(stack, socket.AF_INET6)

        def exchange() -> Any:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
                sender.settimeout(2)
                sender.sendto(b"hello", ("2001:db8::1", 53))
                data, source = receiver.recvfrom(64)
                receiver.sendto(data.upper(), source)
                return sender.recvfrom(64)[1][:2]

        assert asked.run(exchange) == ["2001:db8::53", 53]
    assert IPv6Address("2001:db8::1") in asked.map("asked6")


def test_names_of_sockets(asked: Asked) -> None:
    asked.attach("recvmsg4", "getsockname4", "getpeername4", "getsockname6", "getpeername6")

    def names() -> Any:
        with ExitStack() as stack:
            receiver, other = datagrams(stack), datagrams(stack, port=PORT + 1)
            other.sendto(b"x", ("127.0.0.1", PORT))
            six = datagrams(stack, socket.AF_INET6)
            six.connect(("::1", PORT))
            source = receiver.recvfrom(8)[1]
            receiver.connect(("127.0.0.1", PORT + 1))
            return source, receiver.getsockname(), receiver.getpeername(), six.getsockname()[0], six.getpeername()[0]

    own, peer = ["10.0.0.7", 7], ["10.0.0.8", PORT + 1]
    assert asked.run(names) == [["10.9.9.9", 53], own, peer, "2001:db8::7", "2001:db8::8"]


def test_unix_sockets(asked: Asked, tmp_path: Path) -> None:
    asked.attach("connect_unix")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "s"))
        opened.listen()
        assert asked.run(lambda: trying(str(tmp_path / "s"), family=socket.AF_UNIX)) == ["PermissionError"]
    assert asked.map("kinds") == {socket.AF_UNIX: 1}


def test_sockets_are_made_and_released(asked: Asked) -> None:
    asked.attach("sock_create", "sock_release")

    def make() -> Any:
        with pytest.raises(PermissionError):
            socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
        with socket.socket() as opened:
            return opened.getsockopt(socket.SOL_SOCKET, 36), opened.getsockopt(socket.SOL_SOCKET, 12)

    assert asked.run(make) == [7, 3]  # SO_MARK, SO_PRIORITY
    assert asked.map("kinds") == {socket.SOCK_STREAM: 1, socket.SOCK_RAW: 1, socket.IPPROTO_TCP: 1}


def test_devices(asked: Asked) -> None:
    asked.attach("device")

    def use() -> Any:
        with open("/dev/full", "rb") as full:
            full.read(1)
        with pytest.raises(PermissionError):
            open("/dev/full", "wb").close()
        open("/dev/null", "wb").close()
        return True

    assert asked.run(use)
    assert asked.map("kinds") == {1 << 8 | 7: 2, 1 << 8 | 3: 1}


def test_settings_of_the_kernel(asked: Asked) -> None:
    asked.attach("sysctl")
    setting = Path("/proc/sys/net/ipv4/ip_forward")

    def use() -> Any:
        before = setting.read_text()
        setting.write_text("2")
        after = setting.read_text()
        with pytest.raises(PermissionError):
            setting.write_text("0")
        return before, after

    assert asked.run(use) == ["0\n", "1\n"]
    assert asked.value("count") >= 4 and asked.value("last") == ord("0")


def test_socket_options(asked: Asked) -> None:
    asked.attach("set_option", "get_option")

    def use() -> Any:
        with socket.socket() as opened:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x10)
            changed = opened.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
            with pytest.raises(PermissionError):
                opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x40)
            opened.setsockopt(0xDEAD, 1, struct.pack("=Q", 99))
            return changed, opened.getsockopt(0xDEAD, 1)

    assert asked.run(use) == [0x20, 4711]
    assert asked.value("last") == 4 and asked.value("count") == 99 and not asked.session.faults


def test_options_that_are_too_short(asked: Asked) -> None:
    """The kernel makes room for sixteen bytes at least."""
    asked.attach("set_option")

    def use() -> None:
        with socket.socket() as opened, suppress(OSError):
            opened.setsockopt(0xDEAD, 2, b"abc")

    asked.run(use)
    [fault] = asked.session.faults
    assert fault.kind == "PacketTooShort" and fault.program == "set_option"


def test_tcp_says_what_happens(asked: Asked) -> None:
    asked.attach("tcp")
    with ExitStack() as stack:
        server = listener(stack)

        def use() -> int:
            with socket.create_connection(("127.0.0.1", PORT)) as opened:
                return int(opened.getsockname()[1])

        port = asked.run(use)
        server.accept()[0].close()
    assert asked.map("asked4") == {IPv4Address("127.0.0.1"): 1} and asked.map("asked_ports") == {PORT: 1}
    assert asked.value("last") == port and asked.map("kinds")[4] == 1  # BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB


@pytest.mark.parametrize(
    "hook", [hook for hook in HOOKS if hook.attach is AttachKind.CGROUP and not hook.takes], ids=lambda hook: hook.name
)
def test_every_hook_is_attached_and_leaves_things_as_they_are(hook: Hook, cgroup: Path, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(f"from pyebpf import cgroup, sockops\n\n@{hook.name}\ndef nothing(ctx):\n    pass\n")
    with pyebpf.load(path, where={"nothing": cgroup}) as session:
        assert session.links["nothing"].attached and str(cgroup) in session.links["nothing"].where
