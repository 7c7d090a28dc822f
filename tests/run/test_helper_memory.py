"""Where memory for the kernel's functions may lie: in events, in entries of maps, in globals, on the stack."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

import pyebpf
from pyebpf import XDP, Array, Global, Hash, RingBuf, current_task, raw_tracepoint, struct, u8, u32, u64, xdp
from pyebpf.helpers import get_current_comm, get_task_stack, probe_read_user_str, xdp_load_bytes

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Event:
    kind: u32
    data: u8[24]
    frames: u64[8]


@struct
class Entry:
    before: u64
    data: u8[16]
    after: u64


events = RingBuf[Event](size=4096)
entries = Hash[u32, Entry](max_entries=4)
cells = Array[Entry](max_entries=2)
whole = Global[Entry]()
size = Global[u64](24)
text_at = Global[u64](0)
names = Array[u8[16]](max_entries=1)


@xdp
def places(packet):
    with events.reserve() as event:
        xdp_load_bytes(packet, 8, event.data[: size.value])
    entry = entries[1]
    xdp_load_bytes(packet, 0, entry.data)
    xdp_load_bytes(packet, 16, cells[1].data[: size.value])
    xdp_load_bytes(packet, 32, whole.value.data[4:8])
    local = Entry(before=1, after=2)
    xdp_load_bytes(packet, 48, local.data[: size.value])
    cells[0] = local
    return XDP.DROP


@raw_tracepoint("sys_enter")
def texts(ctx):
    with events.reserve() as event:
        probe_read_user_str(event.data, text_at.value)
        get_task_stack(current_task(), event.frames, 0)
    get_current_comm(names[0])


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((places, texts), attach=False) as loaded:
        yield loaded


def test_every_place(session: pyebpf.Session) -> None:
    entries[1] = {"before": 7, "after": 9}
    for count in (24, 5, 1000):
        size.value = count
        packet = bytes(range(100, 164))
        assert session.programs["places"].test_run(data=packet).result == XDP.DROP and not session.faults
        (event,) = events.poll()
        assert bytes(event.data) == packet[8:32][:count].ljust(24, b"\0") and not any(event.frames)
        assert (entries[1].before, entries[1].after) == (7, 9) and bytes(entries[1].data) == packet[:16]
        assert bytes(cells[1].data)[: min(count, 16)] == packet[16:32][:count] and cells[1].after == 0
        assert bytes(whole.value.data) == bytes(4) + packet[32:36] + bytes(8)
        assert (cells[0].before, cells[0].after) == (1, 2)
        assert bytes(cells[0].data) == packet[48:64][:count].ljust(16, b"\0")


def test_bytes_that_nobody_wrote_are_zeros(session: pyebpf.Session) -> None:
    """A record is cleared, whatever lay there before, even if a text is read into it."""
    entries[1] = {}
    for _ in range(60):  # the ring once around, full of numbers
        session.programs["places"].test_run(data=bytes([255]) * 64)
        events.poll()
    text = ctypes.create_string_buffer(b"ab")
    text_at.value = ctypes.addressof(text)
    for _ in range(60):
        session.programs["texts"].test_run(None, bytes(96))
        (event,) = events.poll()
        assert bytes(event.data) == b"ab".ljust(24, b"\0") and any(event.frames)
    assert bytes(names[0]).rstrip(b"\0").decode() == Path("/proc/self/comm").read_text().strip()
