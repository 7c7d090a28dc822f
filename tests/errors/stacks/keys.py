from pyebpf import Stacks, comm, current_task, kernel_stack, ktime_ns, pid, profile, struct, tid, u32, user_stack, user_str


@struct
class Place:
    pid: u32


stacks = Stacks()
others = Stacks()


@profile
def first(ctx):
    stacks[pid(), user_stack()] += 1


@profile
def another_order(ctx):
    stacks[user_stack(), pid()] += 1  # error


@profile
def another_stack(ctx):
    stacks[pid(), kernel_stack()] += 1  # error


@profile
def a_wider_number(ctx):
    stacks[ktime_ns(), user_stack()] += 1  # error


@profile
def a_negative_number(ctx):
    stacks[-1, user_stack()] += 1  # error


@profile
def more_parts(ctx):
    stacks[comm(), pid(), user_stack()] += 1  # error


@profile
def text_for_a_number(ctx):
    stacks[comm(), user_stack()] += 1  # error


@profile
def narrower_numbers(ctx):
    stacks[tid(), user_stack()] += 1
    stacks[7, user_stack(skip=3)] += 1


@profile
def no_stack(ctx):
    others[comm()] += 1  # error


@profile
def no_parts(ctx):
    others[()] += 1  # error


@profile
def twice(ctx):
    others[kernel_stack(), kernel_stack()] += 1  # error


@profile
def text_without_a_length(ctx):
    others[user_str(ctx.addr), kernel_stack()] += 1  # error


@profile
def a_struct(ctx):
    others[Place(pid=1), kernel_stack()] += 1  # error


@profile
def a_pointer(ctx):
    others[current_task(), kernel_stack()] += 1  # error


@profile
def a_tuple(ctx):
    others[(1, 2), kernel_stack()] += 1  # error


@profile
def nothing(ctx):
    others[None, kernel_stack()] += 1  # error
