# options: --kernel 5.15
from pyebpf import XDP, Array, Timer, function, struct, u64, xdp


@struct
class Slot:
    timer: Timer
    count: u64


slots = Array[Slot](max_entries=4)


@function
def tick(slot):
    for i in range(1_000_000):  # error
        if i == slot.count:
            return


@xdp
def probe(packet):
    slots[0].timer.start(1_000, tick)
    return XDP.PASS
