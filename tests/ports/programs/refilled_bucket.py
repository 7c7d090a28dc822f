"""One bucket of tokens for all packets, which a timer fills up again and again, for as long as something is missing."""

from pyebpf import XDP, Array, Config, Global, SpinLock, Timer, function, struct, u32, u64, xdp

period = Config[u64](10_000_000)  # ns
portion = Config[u32](2)
size = Config[u32](6)


@struct
class Bucket:
    lock: SpinLock
    tokens: u32
    working: bool  # whether the timer is under way
    timer: Timer
    refills: u64


bucket = Array[Bucket](max_entries=1)
dropped = Global[u64](0)


@function
def refill(entry):
    with entry.lock:
        entry.tokens = u32(min(entry.tokens + portion.value, size.value))
        entry.refills += 1
        more = entry.tokens < size.value
        entry.working = more
    if more:
        entry.timer.start(period.value, refill)


@xdp
def limit(packet):
    entry = bucket[0]
    with entry.lock:
        taken = entry.tokens > 0
        if taken:
            entry.tokens -= 1
        begin = not entry.working
        entry.working = True
    if begin:
        entry.timer.start(period.value, refill)
    if not taken:
        dropped.value += 1
    return XDP.PASS if taken else XDP.DROP
