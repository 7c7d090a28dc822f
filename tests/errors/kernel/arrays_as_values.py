"""What an array in kernel memory can be copied to has the same numbers, at most as many."""

from pyebpf import IPv6Address, RingBuf, bits, current_task, raw_tracepoint, struct, u32, u64


@struct
class Event:
    bits: u32[4]
    more: u64[1000]
    address: IPv6Address


events = RingBuf[Event](size=4096)


@raw_tracepoint("sys_enter")
def probe(ctx):
    task = current_task()
    with events.reserve() as event:
        event.bits = task.cpus_mask.bits  # error
        event.more = task.cpus_mask.bits  # error
        event.address = task.cpus_mask.bits  # error
    pages = task.signal.rlim  # error
    files = task.files.fd_array  # error
    print(task.cpus_mask.bits)  # error
    if task.cpus_mask.bits == 3:  # error
        return
