"""Markers in Debian's Python, which has them, and counters of who traces them."""

import subprocess

from pyebpf import Global, Hash, char, i32, i64, u64, usdt, user_str

SINCE = (5, 2)
MACHINES = ("x86_64",)  # where the guest has a python3 with markers

SCRIPT = """
import gc, sys
def inner(x): return x
gc.collect()
sys.setprofile(lambda *_: None)
list(map(inner, range(10)))
"""
names = Hash[char[32], u64](max_entries=2048)
lines = Hash[i32, u64](max_entries=2048)
collections = Global[u64](0)


@usdt("/usr/bin/python3", "python:function__entry")
def entered(file: u64, function: u64, line: i32):
    where: char[32] = user_str(file)
    if where == "<string>":
        name: char[32] = user_str(function)
        names[name] += 1
        lines[line] += 1


@usdt("/usr/bin/python3", "python:gc__done")
def collected(found: i64):
    if found >= 0:
        collections.value += 1


def check(session):
    subprocess.run(["/usr/bin/python3", "-I", "-S", "-c", SCRIPT], check=True)
    assert session.maps["names"].to_dict()["inner"] == 10, session.maps["names"].to_dict()
    assert session.maps["lines"].to_dict()[3] == 10
    assert session.variables["collections"].value >= 1
