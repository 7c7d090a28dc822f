"""What a probe in a program can't have as a parameter."""
from pyebpf import be16, char, u64, uprobe, uretprobe


@uprobe("libc", "malloc")
def result_too_early(size: u64, ret: u64):  # error
    print(f"{size} {ret}")


@uretprobe("libc", "malloc")
def argument_too_late(size: u64):  # error
    print(f"{size}")


@uprobe("libc", "puts")
def text_by_value(text: char[16]):  # error
    print(f"{text}")


@uprobe("libc", "htons")
def other_order(port: be16):  # error
    print(f"{port}")


@uprobe("libc", "malloc")
def default(size: u64 = 3):  # error
    print(f"{size}")
