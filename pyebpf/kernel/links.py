"""Kinds of links, and what the kernel can do with each: rows of a table.

Sources: `enum bpf_link_type`, `struct bpf_link_info` and `enum bpf_perf_event_type` in include/uapi/linux/bpf.h; the
`bpf_link_ops` of each kind.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, final

from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass


class LinkType(IntEnum):
    """`enum bpf_link_type`."""

    RAW_TRACEPOINT = 1
    TRACING = 2
    CGROUP = 3
    ITER = 4
    NETNS = 5
    XDP = 6
    PERF_EVENT = 7
    KPROBE_MULTI = 8
    STRUCT_OPS = 9
    NETFILTER = 10
    TCX = 11
    UPROBE_MULTI = 12
    NETKIT = 13
    SOCKMAP = 14


@final
@dataclass(frozen=True, slots=True)
class LinkKind:
    """What the kernel knows of links of one type."""

    type: LinkType
    what: str
    """In messages: `raw tracepoint`."""
    since: Version
    """The first kernel with such links."""
    replaces: Version | None
    """The first kernel that puts another program into such a link without a moment in which there is none; None where
    none does."""
    fields: tuple[tuple[str, int, str], ...] = ()
    """Of `struct bpf_link_info`: a name, the offset in bytes, and the format of `struct`."""
    text: tuple[int, int] | None = None
    """The offsets of the address and of the length of a name that the kernel writes where it is told."""


def _named(name: str, offset: int, kind: str = "I") -> tuple[str, int, str]:
    return (name, offset, kind)


LINK_KINDS: Final[dict[int, LinkKind]] = {
    kind.type: kind
    for kind in (
        LinkKind(LinkType.RAW_TRACEPOINT, "raw tracepoint", (5, 8), None, (), (16, 24)),
        LinkKind(
            *(LinkType.TRACING, "function of the kernel", (5, 8), None),
            (_named("attach_type", 16), _named("target_object", 20), _named("target_btf_id", 24)),
        ),
        LinkKind(
            *(LinkType.CGROUP, "cgroup", (5, 7), (5, 7)), (_named("cgroup_id", 16, "Q"), _named("attach_type", 24))
        ),
        LinkKind(LinkType.ITER, "iterator", (5, 8), (5, 8), (), (16, 24)),
        LinkKind(
            *(LinkType.NETNS, "network namespace", (5, 8), (5, 8)),
            (_named("netns_inode", 16), _named("attach_type", 20)),
        ),
        LinkKind(LinkType.XDP, "interface", (5, 9), (5, 9), (_named("interface", 16),)),
        LinkKind(LinkType.PERF_EVENT, "perf event", (5, 15), None, (_named("event", 16),), (24, 32)),
        LinkKind(
            *(LinkType.KPROBE_MULTI, "functions of the kernel", (5, 18), None),
            (_named("count", 24), _named("flags", 28)),
        ),
        LinkKind(LinkType.STRUCT_OPS, "operations", (6, 3), (6, 3), (_named("map_id", 16),)),
        LinkKind(
            *(LinkType.NETFILTER, "netfilter", (6, 4), None),
            (_named("family", 16), _named("hook", 20), _named("priority", 24, "i"), _named("flags", 28)),
        ),
        LinkKind(*(LinkType.TCX, "interface", (6, 6), (6, 6)), (_named("interface", 16), _named("attach_type", 20))),
        LinkKind(
            *(LinkType.UPROBE_MULTI, "functions of a file", (6, 6), None),
            *((_named("count", 52), _named("flags", 56), _named("process", 60)), (16, 48)),
        ),
        LinkKind(*(LinkType.NETKIT, "interface", (6, 7), (6, 7)), (_named("interface", 16), _named("attach_type", 20))),
        LinkKind(
            *(LinkType.SOCKMAP, "map of sockets", (6, 10), (6, 10)), (_named("map_id", 16), _named("attach_type", 20))
        ),
    )
}
