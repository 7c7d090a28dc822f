from pyebpf import CGROUP, cgroup, u8
from pyebpf.helpers import setsockopt


@cgroup.setsockopt
def on_option(ctx):
    value = u8[4]()
    setsockopt(ctx, 1, 7, value)  # error
    setsockopt(ctx.socket, 1, 7, value)
    return CGROUP.ALLOW
