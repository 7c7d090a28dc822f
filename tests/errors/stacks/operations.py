from pyebpf import Stacks, comm, kernel_stack, pid, profile
from pyebpf.helpers import get_stackid

stacks = Stacks()


@profile
def read(ctx):
    return stacks[kernel_stack()]  # error


@profile
def written(ctx):
    stacks[kernel_stack()] = 1  # error


@profile
def less(ctx):
    stacks[kernel_stack()] -= 1  # error


@profile
def doubled(ctx):
    stacks[kernel_stack()] *= 2  # error


@profile
def deleted(ctx):
    del stacks[kernel_stack()]  # error


@profile
def asked(ctx):
    return pid() in stacks  # error


@profile
def got(ctx):
    return stacks.get(1)  # error


@profile
def counted(ctx):
    return len(stacks)  # error


@profile
def gone_through(ctx):
    for stack in stacks:  # error
        pass


@profile
def given_to_a_helper(ctx):
    get_stackid(stacks, 0)  # error


@profile
def by_text(ctx):
    stacks[kernel_stack()] += comm()  # error
