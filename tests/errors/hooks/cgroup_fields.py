from pyebpf import CGROUP, IPv4Address, IPv6Address, SkStorage, cgroup, sockops, u64

seen = SkStorage[u64]()


@cgroup.connect4
def other_family(ctx):
    ctx.user_ip6 = IPv6Address("::1")  # error


@cgroup.connect6
def number_for_an_address(ctx):
    ctx.user_ip6 = 1  # error


@cgroup.connect4
def port_too_large(ctx):
    ctx.user_port = 70_000  # error


@cgroup.connect4
def no_name(ctx):
    ctx.user_pot = 80  # error


@cgroup.connect_unix
def no_port(ctx):
    return ctx.user_port == 1  # error


@cgroup.post_bind4
def too_late(ctx):
    ctx.src_port = 80  # error


@cgroup.recvmsg4
def nothing_to_refuse(ctx):
    return CGROUP.DENY  # error


@cgroup.connect4
def only_when_binding(ctx):
    return CGROUP.ALLOW_ANY_PORT  # error


@cgroup.device
def devices_are_given(ctx):
    ctx.major = 1  # error


@cgroup.setsockopt
def results_of_reading(ctx):
    ctx.retval = 0  # error


@cgroup.getsockopt
def no_bytes(ctx):
    ctx.optvalue.load(0, u64)  # error


@cgroup.sysctl
def no_socket(ctx):
    seen[ctx.socket] += 1  # error


@sockops
def text(ctx):
    ctx.reply = "yes"  # error


@cgroup.connect4
def whole_context(ctx):
    address: IPv4Address = ctx  # error
