from pyebpf import kprobe, kretprobe


@kprobe("vfs_read+0x10")
def inside(ctx, count):  # error
    pass


@kretprobe("vfs_read+0x10")  # error
def end(ctx):
    pass


@kprobe("vfs_raed+0x10")  # error
def misspelt(ctx):
    pass


@kprobe("vfs_read+ten")  # error
def no_number(ctx):
    pass
