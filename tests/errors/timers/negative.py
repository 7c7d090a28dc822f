from pyebpf import XDP, Array, Timer, function, struct, u64, xdp


@struct
class Slot:
    timer: Timer
    last: u64


slots = Array[Slot](max_entries=4)


@function
def tick(slot):
    slot.last += 1


@xdp
def probe(packet):
    slots[0].timer.start(-5, tick)  # error
    slots[1].timer.start(len(packet) - 100, tick)  # error
    return XDP.PASS
