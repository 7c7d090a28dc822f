"""Nobody says how long an array at the end of a struct is."""

from pyebpf import Global, bits, current_task, raw_tracepoint, u64

out = Global[u64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    own = current_task().thread_pid
    out.value = len(own.numbers)  # error
    for one in own.numbers:  # error
        out.value += 1
    out.value = u64(own.numbers[-1].nr)  # error
    out.value = u64(own.numbers[1 << 20].nr)  # error
    out.value = current_task().cpus_mask.bits[1 << 20]  # error
