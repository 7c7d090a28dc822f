from pyebpf import XDP, Array, PerfEventArray, Timer, function, struct, u32, u64, xdp


@struct
class Flow:
    number: u64
    timer: Timer


@struct
class Event:
    number: u64


flows = Array[Flow](max_entries=1)
events = PerfEventArray[Event](pages=16)


@function
def later(key: u32, flow: Flow):
    with events.reserve() as event:  # error
        event.number = flow.number


@xdp
def probe(packet):
    flows[0].timer.start(1_000_000, later)
    return XDP.PASS
