# options: --kernel 5.10
from pyebpf import cgroup, sockops


@cgroup.connect_unix
def unix(ctx):  # error
    pass


@sockops
def stamps(ctx):
    ctx.reply = 1 if ctx.skb_hwtstamp else 0  # error
