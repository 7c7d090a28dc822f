"""A file alone is no place."""
from pyebpf import uprobe


@uprobe("libc:malloc")  # error
def allocated():
    print("allocated")
