from pyebpf import profile


@profile("task-clock")  # error
def sample(ctx):
    pass
