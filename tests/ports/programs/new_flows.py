"""Reports each flow once: a filter remembers which were seen, a queue holds the new ones."""

from pyebpf import ETH_P_IP, XDP, BloomFilter, Ethernet, IPv4, IPv4Address, Queue, be16, struct, u8, u16, xdp


@struct
class Flow:
    source: IPv4Address
    dest: IPv4Address
    source_port: u16
    dest_port: u16
    protocol: u8


seen = BloomFilter[Flow](max_entries=4096)
new = Queue[Flow](max_entries=64)


@xdp
def watch(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol not in (6, 17):
        return XDP.PASS
    at = packet.offset
    flow = Flow(
        source=ip.saddr,
        dest=ip.daddr,
        source_port=packet.load(at, be16),
        dest_port=packet.load(at + 2, be16),
        protocol=ip.protocol,
    )
    if flow in seen:
        return XDP.PASS
    seen.add(flow)
    try:
        new.push(flow)
    except MemoryError:
        return XDP.DROP
    return XDP.PASS
