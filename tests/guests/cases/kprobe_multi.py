"""Functions of the kernel by a pattern: which of them it was, and their arguments by the places that they have."""

import os
import warnings

from pyebpf import Config, Hash, i64, kprobe, kretprobe, pid, u32, u64
from pyebpf.helpers import get_attach_cookie, get_func_ip
from pyebpf.loader.errors import LoadWarning

SINCE = (5, 15)  # get_attach_cookie; without kprobe.multi (5.18, CONFIG_FPROBE) each function has a kprobe

only = Config[u32](0)
by_number = Hash[u64, u64](max_entries=64)
addresses = Hash[u64, u64](max_entries=64)
third = Hash[u64, u64](max_entries=256)
results = Hash[i64, u64](max_entries=256)


@kprobe.multi("ksys_*")
def begun(ctx, fd: u64, buf: u64, count: u64):
    if pid() == only.value:
        by_number[get_attach_cookie()] += 1
        addresses[get_func_ip(ctx)] = get_attach_cookie()
        if count < 100:
            third[count] += 1


@kretprobe.multi("ksys_rea[a-d]")
def returned(ret: i64):
    if pid() == only.value:
        results[ret] += 1


def config():
    warnings.simplefilter("ignore", LoadWarning)  # where each function has a kprobe, this says so
    return {"only": os.getpid()}


def check(session):
    link = session.links["begun"]
    assert "ksys_read" in link.functions and "ksys_write" in link.functions, link.functions
    assert all(name.startswith("ksys_") for name in link.functions)
    with open("/proc/self/stat", "rb", buffering=0) as file, open("/dev/null", "wb", buffering=0) as null:
        for size in (77, 33):
            file.read(size)
            null.write(bytes(size))
    counts = session.maps["by_number"].to_dict()
    found = {link.functions[number]: count for number, count in counts.items()}
    assert found["ksys_read"] >= 2 and found["ksys_write"] >= 2, found
    seen = session.maps["third"].to_dict()
    assert seen[77] == seen[33] == 2, seen
    got = session.maps["results"].to_dict()
    assert got[77] == got[33] == 1, got
    symbols = {}
    with open("/proc/kallsyms", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if words[2].startswith("ksys_"):
                symbols[int(words[0], 16)] = words[2]
    for address, number in session.maps["addresses"].to_dict().items():
        assert symbols[address] == link.functions[number], (hex(address), link.functions[number])
    if link.parts == 1:
        assert link.info.details["count"] == len(link.functions)
        assert not link.info.addresses or set(link.info.functions) == set(link.functions), link.info.functions
    assert session.links["returned"].functions == ("ksys_read",) or "ksys_readahead" in link.functions
