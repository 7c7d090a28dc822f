"""Exceptions of probes that Python itself doesn't have. The others are Python's own: KeyError, IndexError, …"""

from __future__ import annotations


class PacketTooShort(Exception):
    """A header, or bytes, that a probe reads from a packet don't lie inside it."""


class NullPointerError(Exception):
    """A kernel pointer in a chain such as `current_task().mm.owner` is null, or can't be followed."""
