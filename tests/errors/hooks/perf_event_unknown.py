from pyebpf import perf_event


@perf_event("page-fault")  # error
def faulted(ctx):
    pass
