from pyebpf import Array, Timer, raw_tracepoint, struct, u64


@struct
class Slot:
    timer: Timer
    count: u64


slots = Array[Slot](max_entries=4)


@raw_tracepoint("sys_enter")
def probe(ctx):
    slots[0].count += 1  # error
