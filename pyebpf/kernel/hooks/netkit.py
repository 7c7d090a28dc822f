"""netkit: pairs of interfaces that are there for programs, at both ends of the way between a container and its host.

Source: include/uapi/linux/bpf.h and if_link.h, drivers/net/netkit.c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, Hook
from pyebpf.kernel.hooks.tc import TC_EGRESS, TcAction
from pyebpf.kernel.programs import AttachType


def _netkit(end: str, attach_type: AttachType) -> Hook:
    """What is sent by this end, whose programs are attached to the primary interface, whichever end it is."""
    return replace(
        TC_EGRESS,
        name=f"netkit.{end}",
        section=f"netkit/{end}",
        attach_type=attach_type,
        only=(TcAction.UNSPEC, TcAction.OK, TcAction.SHOT, TcAction.REDIRECT),  # enum netkit_action
        default=TcAction.UNSPEC.value,
        attach=AttachKind.NETKIT,
        since=(6, 7),
    )


NETKIT_PRIMARY: Final = _netkit("primary", AttachType.NETKIT_PRIMARY)
NETKIT_PEER: Final = _netkit("peer", AttachType.NETKIT_PEER)
