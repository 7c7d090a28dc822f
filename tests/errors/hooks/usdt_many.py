"""A marker has at most twelve arguments."""
from pyebpf import u64, usdt


@usdt("python3", "python:function__entry")
def entry(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: u64, m: u64):  # error
    print(f"{m}")
