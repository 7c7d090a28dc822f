from pyebpf import Global, profile, u64

last = Global[u64](0)


@profile(hz=99)
def sample(ctx):
    last.value = ctx.period  # error
