import pyebpf
from pyebpf import Hash, Stacks, kernel_stack, pid, profile, struct, u32, u64, user_stack


@struct
class Event:
    pid: u32
    stack: u64[8]


stacks = Stacks()
counts = Hash[u32, u64](max_entries=64)


@profile
def in_a_name(ctx):
    stack = kernel_stack()  # error
    return 0


@profile
def in_a_sum(ctx):
    counts[pid()] += user_stack() + 1  # error


@profile
def in_a_number(ctx):
    event = Event()
    event.pid = kernel_stack()  # error


@profile
def in_a_map_of_numbers(ctx):
    counts[pid()] = kernel_stack()  # error


@profile
def in_a_key_of_a_hash(ctx):
    counts[kernel_stack()] += 1  # error


@profile
def by_keyword(ctx):
    event = Event(pid=pyebpf.user_stack())  # error
    event.pid = 1


@profile
def as_a_number(ctx):
    number: u32 = kernel_stack()  # error
    counts[number] += 1


@profile
def alone(ctx):
    kernel_stack()  # error


@profile
def with_arguments(ctx):
    stacks[kernel_stack(2)] += 1  # error


@profile
def with_another_option(ctx):
    stacks[kernel_stack(depth=2)] += 1  # error


@profile
def with_a_skip_that_varies(ctx):
    stacks[kernel_stack(skip=pid())] += 1  # error


@profile
def with_a_large_skip(ctx):
    stacks[kernel_stack(skip=256)] += 1  # error
