"""Routes as rtnetlink has them: found by their words, and put in the place of one another.

Source: include/uapi/linux/rtnetlink.h.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator
from sys import byteorder
from typing import Final, TypeAlias, final

from pyebpf.loader import netlink
from pyebpf.records import dataclass

RTM_NEWROUTE: Final = 24
RTM_DELROUTE: Final = 25
RTM_GETROUTE: Final = 26
REPLACE: Final = 0x100
RTA_DST: Final = 1
RTA_OIF: Final = 4
RTA_GATEWAY: Final = 5
RTA_PRIORITY: Final = 6
RTA_MULTIPATH: Final = 9
RTA_CACHEINFO: Final = 12
RTA_TABLE: Final = 15
RTA_VIA: Final = 18
RTA_ENCAP_TYPE: Final = 21
RTA_ENCAP: Final = 22
RTA_NH_ID: Final = 30
TABLES: Final = {"main": 254, "local": 255, "default": 253}
_STATIC: Final = 4
"""RTPROT_STATIC: made by whoever administers the machine."""
_UNIVERSE: Final = 0
_LINK: Final = 253
_UNICAST: Final = 1
_ONLINK: Final = 4
"""RTNH_F_ONLINK, of the flags of a route the one that isn't a state."""
_MESSAGE: Final = struct.Struct("=BBBBBBBBI")
"""`struct rtmsg`: family, bits of destination and source, TOS, table, protocol, scope, type, flags."""
Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
WORDS: Final = "10.1.0.0/16, with `via ADDRESS`, `dev INTERFACE`, `table NAME` or `metric NUMBER` behind it"


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """A route in words: `10.1.0.0/16 via 10.0.0.1 dev eth0 table main metric 5`."""

    family: int
    prefix: bytes
    bits: int
    via: bytes | None = None
    interface: int | None = None
    table: int = TABLES["main"]
    metric: int | None = None


@final
@dataclass(frozen=True, slots=True)
class Route:
    """A route as the kernel takes it."""

    head: bytes
    """`struct rtmsg`."""
    attributes: bytes

    @property
    def details(self) -> dict[int, bytes]:
        return dict(netlink.attributes(self.attributes))

    @property
    def key(self) -> tuple[int, bytes, int, bytes, bytes]:
        """What no two routes of a network namespace have in common."""
        family, bits, *_ = _MESSAGE.unpack(self.head)
        found = self.details
        return family, found.get(RTA_DST, b""), bits, found.get(RTA_TABLE, b""), found.get(RTA_PRIORITY, b"")

    def message(self, more: bytes = b"") -> bytes:
        return self.head + self.attributes + more


def parse(text: str) -> Wanted:
    """Raises ValueError, saying what is wrong with the words; OSError for an interface that isn't there."""
    prefix, *words = text.split() or [""]
    if len(words) % 2:
        raise ValueError(f"a route is {WORDS}")
    network = ipaddress.ip_network("0.0.0.0/0" if prefix == "default" else prefix)
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    via: bytes | None = None
    interface: int | None = None
    table, metric = TABLES["main"], None
    for word, value in zip(words[::2], words[1::2]):
        match word:
            case "via":
                gateway = ipaddress.ip_address(value)
                if gateway.version != network.version:
                    raise ValueError(f"{value} is of another family than {prefix}")
                via = gateway.packed
            case "dev":
                interface = socket.if_nametoindex(value)
            case "table":
                table = TABLES.get(value) or _number(value, "a table")
            case "metric":
                metric = _number(value, "a metric")
            case _:
                raise ValueError(f"a route has no {word}: it is {WORDS}")
    return Wanted(family, network.network_address.packed, network.prefixlen, via, interface, table, metric)


def _number(text: str, what: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1 << 32:
        raise ValueError(f"{text} is no number of {what}")
    return int(text)


def find(route: netlink.Netlink, wanted: Wanted) -> Route | None:
    """The first that is as `wanted`: of several the one with the lowest metric. Raises OSError."""
    table = struct.pack("=I", wanted.table)
    found: list[tuple[int, Route]] = []
    for one in of_family(route, wanted.family):
        if _MESSAGE.unpack(one.head)[1] != wanted.bits:
            continue
        known = one.details
        metric = int.from_bytes(known.get(RTA_PRIORITY, b""), byteorder)
        matches = (
            known.get(RTA_DST, bytes(len(wanted.prefix))) == wanted.prefix
            and known.get(RTA_TABLE) == table
            and wanted.via in (None, known.get(RTA_GATEWAY))
            and wanted.interface in (None, int.from_bytes(known.get(RTA_OIF, b""), byteorder))
            and wanted.metric in (None, metric)
        )
        if matches:
            found.append((metric, one))
    return min(found, key=lambda each: each[0])[1] if found else None


def of_family(route: netlink.Netlink, family: int) -> Iterator[Route]:
    """All there are, of all tables. Raises OSError."""
    for kind, body in route.ask(RTM_GETROUTE, netlink.DUMP, _MESSAGE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
        if kind == RTM_NEWROUTE and body[0] == family:
            yield _plain(body[: _MESSAGE.size], body[_MESSAGE.size :])


def _plain(head: bytes, rest: bytes) -> Route:
    """The route without what is a state of it."""
    *fields, flags = _MESSAGE.unpack(head)
    kept = b"".join(
        netlink.attribute(kind, data) for kind, data in netlink.attributes(rest).items() if kind != RTA_CACHEINFO
    )
    return Route(_MESSAGE.pack(*fields, flags & _ONLINK), kept)


def made(wanted: Wanted) -> Route:
    """A route that isn't there yet. Raises OSError where it would lead nowhere."""
    if wanted.via is None and wanted.interface is None:
        raise OSError(errno.ENETUNREACH, "no such route, and none can be made without `via` or `dev`")
    scope = _UNIVERSE if wanted.via is not None or wanted.family == socket.AF_INET6 else _LINK
    table = wanted.table if wanted.table < 256 else 0
    head = _MESSAGE.pack(wanted.family, wanted.bits, 0, 0, table, _STATIC, scope, _UNICAST, 0)
    parts = [netlink.attribute(RTA_DST, wanted.prefix)] if wanted.bits else []
    parts.append(netlink.attribute(RTA_TABLE, struct.pack("=I", wanted.table)))
    if wanted.via is not None:
        parts.append(netlink.attribute(RTA_GATEWAY, wanted.via))
    if wanted.interface is not None:
        parts.append(netlink.attribute(RTA_OIF, struct.pack("=I", wanted.interface)))
    if wanted.metric is not None:
        parts.append(netlink.attribute(RTA_PRIORITY, struct.pack("=I", wanted.metric)))
    return Route(head, b"".join(parts))
