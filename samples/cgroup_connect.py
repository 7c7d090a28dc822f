"""Where the processes of a cgroup connect to; and connections to one address end up at another.

You will see, at the end: connections by address and port. Needs root (CAP_BPF, CAP_NET_ADMIN), Linux 5.7.

    pyebpf run samples/cgroup_connect.py --attach connections=/sys/fs/cgroup/system.slice
"""

from pyebpf import CGROUP, Hash, IPv4Address, LruHash, cgroup, struct, u16, u64


@struct
class Peer:
    address: IPv4Address
    port: u16


moved = Hash[IPv4Address, IPv4Address](max_entries=256)  # put in what is to be instead of what
closed = Hash[u16, u64](max_entries=256)  # put in ports that nobody may connect to, with 0
connected = LruHash[Peer, u64](max_entries=4_096)


@cgroup.connect4
def connections(ctx):
    connected[Peer(address=ctx.user_ip4, port=ctx.user_port)] += 1
    if ctx.user_port in closed:
        closed[ctx.user_port] += 1
        return CGROUP.DENY
    if (instead := moved.get(ctx.user_ip4)) is not None:
        ctx.user_ip4 = instead  # the process doesn't see it
    return CGROUP.ALLOW
