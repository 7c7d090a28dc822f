"""Nobody knows the types of a program's functions but who wrote them."""
from pyebpf import uprobe, uretprobe


@uprobe("libc", "malloc")
def begin(size):  # error
    print(f"{size}")


@uretprobe("libc", "malloc")
def end(ret):  # error
    print(f"{ret}")
