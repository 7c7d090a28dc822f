"""A table of flows. One that is idle for a while leaves it by its own timer, and is reported with what it has sent."""

from pyebpf import (
    ETH_P_IP,
    XDP,
    Config,
    Ethernet,
    Global,
    Hash,
    IPv4,
    IPv4Address,
    RingBuf,
    Timer,
    Udp,
    function,
    ktime_ns,
    struct,
    u16,
    u32,
    u64,
    xdp,
)

idle = Config[u64](30_000_000)  # ns


@struct
class Key:
    source: IPv4Address
    dest: IPv4Address
    source_port: u16
    dest_port: u16


@struct
class Flow:
    packets: u64
    bytes: u64
    begun: u64
    last: u64
    timer: Timer


@struct
class Ended:
    source: IPv4Address
    port: u16
    packets: u32
    bytes: u64
    lasted: u64


flows = Hash[Key, Flow](max_entries=64)
ended = RingBuf[Ended](size=4096)
full = Global[u64](0)


@function
def look_again(key, flow):
    quiet = ktime_ns() - flow.last
    if quiet < idle.value:  # a packet came meanwhile: no sooner can it be over
        flow.timer.start(idle.value - quiet, look_again)
        return
    with ended.reserve() as event:
        event.source = key.source
        event.port = key.dest_port
        event.packets = u32(flow.packets)
        event.bytes = flow.bytes
        event.lasted = flow.last - flow.begun
    del flows[key]


@xdp
def watch(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol != 17:
        return XDP.PASS
    udp = packet.parse(Udp)
    key = Key(source=ip.saddr, dest=ip.daddr, source_port=udp.source, dest_port=udp.dest)
    now = ktime_ns()
    flow = flows.get(key)
    if flow is None:
        try:
            flows[key] = Flow(packets=1, bytes=len(packet), begun=now, last=now)
            flows[key].timer.start(idle.value, look_again)
        except MemoryError:
            full.value += 1
        return XDP.PASS
    flow.packets += 1
    flow.bytes += len(packet)
    flow.last = now
    return XDP.PASS
