"""A veth pair, made by rtnetlink so that the tests need no tool, and frames sent and seen through packet sockets."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

_RTM_NEWLINK: Final = 16
_REQUEST_ACK_CREATE_EXCLUSIVE: Final = 0x1 | 0x4 | 0x400 | 0x200
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 3, 18, 1, 2, 1
_IFLA_NETKIT_MODE, _NETKIT_L2 = 5, 0
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP: Final = 1
_ETH_P_ALL: Final = 3
_INTERFACE: Final = bytes(16)  # struct ifinfomsg


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def add_veth(name: str, peer: str) -> None:
    """Make a pair of virtual Ethernet devices in this thread's network namespace."""
    add_pair("veth", name, peer)


def add_netkit(name: str, peer: str) -> None:
    """Make a pair of netkit devices with Ethernet headers, of which `name` is the primary one. Linux 6.7."""
    add_pair("netkit", name, peer, _attribute(_IFLA_NETKIT_MODE, struct.pack("=I", _NETKIT_L2)))


def add_pair(kind: str, name: str, peer: str, more: bytes = b"") -> None:
    """Make a pair of devices in this thread's network namespace."""
    other = _attribute(_VETH_INFO_PEER, _INTERFACE + _attribute(_IFLA_IFNAME, peer.encode() + b"\0"))
    info = _attribute(_IFLA_INFO_KIND, kind.encode() + b"\0") + _attribute(_IFLA_INFO_DATA, other + more)
    body = _INTERFACE + _attribute(_IFLA_IFNAME, name.encode() + b"\0") + _attribute(_IFLA_LINKINFO, info)
    header = struct.pack("=IHHII", 16 + len(body), _RTM_NEWLINK, _REQUEST_ACK_CREATE_EXCLUSIVE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.bind((0, 0))
        netlink.send(header + body)
        code = -struct.unpack_from("=i", netlink.recv(65536), 16)[0]
    if code:
        raise OSError(code, os.strerror(code), f"add {kind} {name}")


def set_up(name: str) -> None:
    """Turn an interface on, without IPv6, whose own packets would be counted."""
    with suppress(OSError):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", name.encode(), 0)
        (flags,) = struct.unpack_from("=H", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags | _IFF_UP))


@final
@dataclass(frozen=True, slots=True)
class Wire:
    """Two ends of a cable: what is sent at `outside` comes in at `inside`."""

    inside: str
    outside: str

    def arrives(self, *frames: bytes, patience: float = 2.0, once: bool = False) -> list[bool]:
        """Send the frames. Which of them came in at the other end?

        Each frame gets 4 bytes appended, by which it is known again, and a last frame that every program lets pass (it
        is of a protocol for experiments) tells that all before it have come through. `once`: don't try again where the
        kernel has no buffers, which is also what it says when a program drops what is sent.
        """
        marks = [struct.pack("!I", 0xC0DE0000 + number) for number in range(len(frames) + 1)]
        last = Frame.ethernet(0x88B5)
        with _packet_socket(self.inside, patience) as receiver, _packet_socket(self.outside, patience) as sender:
            for frame, mark in zip((*frames, last), marks):
                _send(sender, frame + mark, once)
            seen: set[bytes] = set()
            end = time.monotonic() + patience
            while marks[-1] not in seen and time.monotonic() < end:
                with suppress(TimeoutError, socket.timeout):
                    data, address = receiver.recvfrom(65536)
                    if address[2] != socket.PACKET_OUTGOING:
                        seen |= {mark for mark in marks if data.endswith(mark)}
        assert marks[-1] in seen, "the wire doesn't carry packets"
        return [mark in seen for mark in marks[:-1]]


def _packet_socket(interface: str, patience: float) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    opened.bind((interface, _ETH_P_ALL))
    opened.settimeout(patience)
    return opened


def _send(sender: socket.socket, data: bytes, once: bool) -> None:
    while True:
        try:
            sender.send(data)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            if once:
                return
            time.sleep(0.001)
        else:
            return


@final
class Frame:
    """Ethernet frames, byte by byte. Nothing is padded: a frame may be as short as the test wants."""

    @staticmethod
    def ethernet(protocol: int, rest: bytes = b"") -> bytes:
        return b"\xff" * 6 + bytes.fromhex("020000000001") + struct.pack("!H", protocol) + rest

    @staticmethod
    def ipv4(source: str, protocol: int, rest: bytes, options: bytes = b"") -> bytes:
        length = 20 + len(options)
        header = struct.pack("!BBHHHBBH", 0x40 | length // 4, 0, length + len(rest), 1, 0, 64, protocol, 0)
        return Frame.ethernet(0x0800, header + socket.inet_aton(source) + socket.inet_aton("10.0.0.2") + options + rest)

    @staticmethod
    def tcp(source: str, options: bytes = b"") -> bytes:
        return Frame.ipv4(source, 6, struct.pack("!HHIIBBHHH", 40000, 443, 1, 0, 0x50, 2, 1024, 0, 0), options)

    @staticmethod
    def udp(source: str) -> bytes:
        return Frame.ipv4(source, 17, struct.pack("!HHHH", 5000, 53, 8, 0))

    @staticmethod
    def arp(source: str) -> bytes:
        who = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + bytes.fromhex("020000000001") + socket.inet_aton(source)
        return Frame.ethernet(0x0806, who + bytes(6) + socket.inet_aton("10.0.0.2"))

    @staticmethod
    def vlan(tagged: bytes, number: int = 5) -> bytes:
        return tagged[:12] + struct.pack("!HH", 0x8100, number) + tagged[12:]
