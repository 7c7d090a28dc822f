"""A timer that starts itself again, and then takes its entry out."""

import time

from surroundings import test_run

from pyebpf import XDP, Global, Hash, Timer, function, struct, u32, u64, xdp

SINCE = (5, 15)
JIT = True
ATTACH = False


@struct
class Flow:
    packets: u64
    timer: Timer
    rounds: u32


flows = Hash[u32, Flow](max_entries=8)
total = Global[u64](0)


@function
def expire(key, flow):
    total.value += flow.packets
    flow.rounds += 1
    if flow.rounds < 3:
        flow.timer.start(1_000_000, expire)
        return
    del flows[key]


@xdp
def remember(packet):
    flows[5] = Flow(packets=7)
    flows[5].timer.start(1_000_000, expire)
    return XDP.DROP


def check(session):
    assert test_run(session, "remember") == XDP.DROP
    end = time.monotonic() + 20
    while 5 in session.maps["flows"] and time.monotonic() < end:
        time.sleep(0.01)
    assert session.variables["total"].value == 21 and len(session.maps["flows"]) == 0
