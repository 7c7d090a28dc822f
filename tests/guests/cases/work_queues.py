"""Work queues: a callback that starts its own again, and takes its entry out in the end."""

import time

from surroundings import test_run

from pyebpf import XDP, Global, Hash, WorkQueue, function, struct, u32, u64, xdp

SINCE = (6, 10)
JIT = True
ATTACH = False


@struct
class Job:
    packets: u64
    work: WorkQueue
    rounds: u32


jobs = Hash[u32, Job](max_entries=8)
total = Global[u64](0)
last = Global[u64](0)


@function
def tidy(key, job):
    total.value += job.packets
    job.rounds += 1
    if job.rounds < 3:
        job.work.start(tidy)
        return
    last.value = key
    del jobs[key]


@xdp
def remember(packet):
    jobs[5] = Job(packets=7)
    jobs[5].work.start(tidy)
    return XDP.DROP


def check(session):
    assert test_run(session, "remember", bytes(64)) == XDP.DROP
    variables = session.variables
    for _ in range(100):
        if variables["last"].value:
            break
        time.sleep(0.05)
    assert (variables["last"].value, variables["total"].value) == (5, 21)
    assert len(session.maps["jobs"]) == 0 and session.faults == ()
