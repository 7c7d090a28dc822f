from pyebpf import PerfEventArray, cgroup, struct, u32


@struct
class Event:
    number: u32


events = PerfEventArray[Event](pages=16)


@cgroup.sysctl
def probe(ctx):
    with events.reserve() as event:
        event.number = 1
    events.reserve()  # error
    events.push(1)  # error
    return 1
