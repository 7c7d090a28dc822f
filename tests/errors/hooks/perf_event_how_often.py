from pyebpf import perf_event


@perf_event("cycles")  # error
def sample(ctx):
    pass
