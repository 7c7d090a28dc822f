# options: --kernel 5.6
from pyebpf import Stacks, profile, python_stack

stacks = Stacks()


@profile
def before_there_are_namespaces(ctx):
    stacks[python_stack()] += 1  # error
