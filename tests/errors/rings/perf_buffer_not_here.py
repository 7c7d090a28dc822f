from pyebpf import NF, PerfEventArray, netfilter, struct, u32


@struct
class Event:
    size: u32


events = PerfEventArray[Event](pages=16)


@netfilter
def guard(skb, state):
    with events.reserve() as event:  # error
        event.size = skb.len
    return NF.ACCEPT
