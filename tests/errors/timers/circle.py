from pyebpf import XDP, Hash, Timer, function, struct, u32, u64, xdp


@struct
class Slot:
    timer: Timer
    count: u64


slots = Hash[u32, Slot](max_entries=64)


@function
def work(slot):
    slot.timer.start(1_000, rest)  # error


@function
def rest(slot):
    slot.timer.start(1_000, work)  # error


@function
def next_one(key, slot):
    slots[u32(key + 1)].timer.start(1_000, next_one)  # error


@function
def later_another(key, slot):
    for i in range(3):
        slot.timer.start(1_000, later_another)  # error
        slot = slots[i]


@xdp
def probe(packet):
    slots[0].timer.start(1_000, work)
    slots[1].timer.start(1_000, next_one)
    slots[2].timer.start(1_000, later_another)
    return XDP.PASS
