# options: --kernel 5.10
from pyebpf import XDP, Array, Timer, function, struct, u64, xdp


@struct
class Slot:
    timer: Timer
    count: u64


slots = Array[Slot](max_entries=4)


@function
def tick(slot):
    slot.count += 1


@xdp
def probe(packet):
    slots[0].timer.start(1_000, tick)  # error
    return XDP.PASS
