# options: --kernel 6.1
from pyebpf import XDP, Hash, SpinLock, Timer, function, struct, u32, u64, xdp


@struct
class Slot:
    lock: SpinLock
    timer: Timer
    count: u64


slots = Hash[u32, Slot](max_entries=4)


@function
def tick(slot):
    with slot.lock:  # error
        slot.count += 1


@function
def tock(key, slot):
    again = slots[key]
    with again.lock:
        again.count += slot.count


@xdp
def probe(packet):
    slot = slots[0]
    with slot.lock:
        slot.count += 1
    slot.timer.start(1_000, tick)
    slots[1].timer.start(1_000, tock)
    return XDP.PASS
