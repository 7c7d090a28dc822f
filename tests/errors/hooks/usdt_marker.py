"""A marker has two names."""
from pyebpf import usdt


@usdt("python3", "function__entry")  # error
def entry():
    print("entered")
