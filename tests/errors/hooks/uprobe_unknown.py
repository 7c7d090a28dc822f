"""There is no such kind of uprobe."""
from pyebpf import uprobe


@uprobe.mutli("libc", "pthread_*")  # error
def many():
    print("called")
