"""kprobes as before Linux 4.17, without the perf PMU: defined in tracefs, and gone from there at the end."""

import os
from pathlib import Path

from pyebpf import Config, Hash, i64, kprobe, kretprobe, pid, u32, u64
from pyebpf.loader.attach import kprobe as attaching
from pyebpf.loader.attach import tracefs_probe

SINCE = (4, 17)
ATTACH = False
LIBBPF = False

only = Config[u32](0)
asked = Hash[u64, u64](max_entries=256)
given = Hash[i64, u64](max_entries=256)


@kprobe("ksys_read")
def reading(fd: u32, buf: u64, count: u64):
    if pid() == only.value:
        asked[count] += 1


@kretprobe("ksys_read")
def read(ret: i64):
    if pid() == only.value:
        given[ret] += 1


def config():
    return {"only": os.getpid()}


def check(session):
    attaching.PMU = Path("/sys/bus/event_source/devices/none")
    events = Path("/sys/kernel/tracing/kprobe_events")
    tracefs_probe._write("kprobe", "p:pyebpf/p4000000_0 ksys_read")  # of a process that was killed
    links = [session.attach("reading"), session.attach("read")]
    lines = events.read_text().splitlines()
    assert len(lines) == 2 and all(f"p{os.getpid()}_" in line for line in lines), lines
    with open("/proc/self/stat", "rb", buffering=0) as file:
        file.read(77)
    assert session.maps["asked"].to_dict()[77] == 1
    assert session.maps["given"].to_dict()[77] == 1
    for link in links:
        link.detach()
    assert not events.read_text(), events.read_text()
