# options: --kernel 5.10
from pyebpf import Stacks, profile, python_stack

stacks = Stacks()


@profile
def where_loops_are_no_functions(ctx):
    for number in range(3):
        stacks[python_stack(), number] += 1  # error
