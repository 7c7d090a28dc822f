from pyebpf import Hash, StackTrace, profile, u64
from pyebpf.helpers import get_stackid

stacks = StackTrace(max_entries=64)
counts = Hash[u64, u64](max_entries=64)


@profile
def looked_up(ctx):
    first = stacks[0]  # error


@profile
def counted(ctx):
    stacks[0] += 1  # error


@profile
def other_map(ctx):
    get_stackid(counts, 0)  # error


@profile
def no_map(ctx):
    get_stackid(None, 0)  # error
