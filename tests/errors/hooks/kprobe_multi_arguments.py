from pyebpf import kprobe, kretprobe, u64


@kprobe.multi("vfs_*")
def untyped(count):  # error
    pass


@kprobe.multi("vfs_*")
def result(ret: u64):  # error
    print(ret)


@kretprobe.multi("vfs_*")
def argument(count: u64):  # error
    print(count)


@kprobe.multi("vfs_raed")  # error
def misspelt(count):
    pass
