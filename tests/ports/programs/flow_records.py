"""Flow records in the style of NetFlow: packets, bytes, flags and times by five-tuple; finished ones go to a ring."""

from pyebpf import (
    ETH_P_IP,
    IPPROTO_TCP,
    XDP,
    Ethernet,
    Hash,
    IPv4,
    IPv4Address,
    RingBuf,
    Tcp,
    ktime_ns,
    struct,
    u8,
    u16,
    u64,
    xdp,
)


@struct
class Key:
    source: IPv4Address
    dest: IPv4Address
    source_port: u16
    dest_port: u16


@struct
class Record:
    packets: u64
    bytes: u64
    first: u64
    last: u64
    flags: u8


@struct
class Finished:
    key: Key
    record: Record


flows = Hash[Key, Record](max_entries=1024)
finished = RingBuf[Finished](size=16 * 1024)


@xdp
def record(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_TCP:
        return XDP.PASS
    tcp = packet.parse(Tcp)
    key = Key(source=ip.saddr, dest=ip.daddr, source_port=tcp.source, dest_port=tcp.dest)
    now = ktime_ns()
    flow = flows.get(key)
    if flow is None:
        flows[key] = Record(packets=1, bytes=ip.tot_len, first=now, last=now, flags=tcp.flags)
        return XDP.PASS
    flow.packets += 1
    flow.bytes += ip.tot_len
    flow.last = now
    flow.flags |= tcp.flags
    if tcp.fin or tcp.rst:
        with finished.reserve() as event:
            event.key = key
            event.record = flow
        del flows[key]
    return XDP.PASS
