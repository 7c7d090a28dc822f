"""The kernel's helpers, called by name. Codes E0551 to E0554."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class HelperInstead(Diagnostic):
    code: ClassVar = "E0551"
    title: ClassVar = "`{name}` is no helper for a probe to call"
    help: ClassVar = "{instead}"
    explanation: ClassVar = """
    Some helpers of the kernel hand out what must be given back, call functions back, or take what a probe has no name
    for. The language does what they do in Python's terms.

        value = map_lookup_elem(table, key)     # wrong
        value = table[key]                      # right
    """

    name: str
    instead: str


@final
@dataclass(frozen=True, slots=True)
class NoMemory(Diagnostic):
    code: ClassVar = "E0552"
    title: ClassVar = "`{name}` takes memory here, not {found}"
    notes: ClassVar = ("{what}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Where the kernel's function takes an address, and often a size, a probe gives an array or a struct: a local, part
    of a map's entry, or a Global. The size comes along; `buffer[:n]` is the first n elements.

        size = get_stack(ctx, 512, 0)           # wrong

        frames = u64[64]()
        size = get_stack(ctx, frames, 0)        # right

    Text that the kernel only reads may be text; where it writes, it is an array of u8, for text never changes.
    """

    name: str
    found: str
    what: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class PacketMoved(Diagnostic):
    code: ClassVar = "E0553"
    title: ClassVar = "the packet may have moved since this was parsed"
    notes: ClassVar = (
        "`{helper}` in line {line} may give the packet other memory, and the kernel forgets the old one",
    )
    help: ClassVar = "parse it again, after the call"
    explanation: ClassVar = """
    Headers are parts of the packet itself. What makes the packet longer or shorter may have to copy it elsewhere;
    `packet.parse` then begins at the packet's start again.

        ethernet = packet.parse(Ethernet)
        xdp_adjust_head(packet, -4)
        ethernet.proto = 0x8100                 # wrong: where it was parsed is gone

        xdp_adjust_head(packet, -4)
        ethernet = packet.parse(Ethernet)
        ethernet.proto = 0x8100                 # right
    """

    helper: str
    line: int


@final
@dataclass(frozen=True, slots=True)
class HelperSleeps(Diagnostic):
    code: ClassVar = "E0554"
    title: ClassVar = "`{helper}` may sleep, and {hook} programs may not"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Memory that isn't there yet has to be fetched, and a program that waits for that must be one that may wait: the
    kernel calls most programs where nothing may (in interrupts, with locks held).

        copy_from_user(buffer, address)         # wrong
        probe_read_user(buffer, address)        # right: fails where the memory isn't there
    """

    helper: str
    hook: str
    hint: str
