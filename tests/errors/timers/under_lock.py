from pyebpf import XDP, Array, SpinLock, Timer, function, struct, u64, xdp


@struct
class Slot:
    lock: SpinLock
    timer: Timer
    count: u64


slots = Array[Slot](max_entries=4)


@function
def tick(slot):
    slot.count += 1


@xdp
def probe(packet):
    slot = slots[0]
    with slot.lock:
        slot.timer.start(1_000, tick)  # error
    return XDP.PASS
