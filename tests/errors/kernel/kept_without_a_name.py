"""A struct without a name of its own can only be gone through in one chain."""

from pyebpf import Global, cast, raw_tracepoint, struct, u64

out = Global[u64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    inside = cast(ctx.args[0], "struct sock").__sk_common.skc_v6_daddr.in6_u
    out.value = inside.u6_addr32[0]  # error
