from pyebpf import kprobe


@kprobe.multi("vfs_*", sleepable=True)  # error
def many(ctx):
    pass
