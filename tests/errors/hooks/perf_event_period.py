from pyebpf import perf_event


@perf_event("page-faults", period=0.5)  # error
def faulted(ctx):
    pass
