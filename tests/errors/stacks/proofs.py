from pyebpf import Stacks, kernel_stack, profile, struct, u64, user_stack, xdp

stacks = Stacks()


@struct
class Event:
    stack: u64[8]


@profile
def by_a_negative_number(ctx):
    stacks[kernel_stack()] += -1  # error


@xdp
def packet_has_no_stack(packet):
    stacks[kernel_stack()] += 1  # error


@xdp
def nor_in_memory(packet):
    event = Event()
    event.stack = user_stack()  # error
    stacks[kernel_stack()] += event.stack[0]  # error
