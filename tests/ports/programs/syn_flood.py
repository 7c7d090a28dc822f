"""Counts SYNs by network of 256 addresses in windows of time, and drops what is more than allowed."""

from pyebpf import (
    ETH_P_IP,
    IPPROTO_TCP,
    XDP,
    Config,
    Ethernet,
    IPv4,
    LruPerCpuHash,
    Tcp,
    ktime_ns,
    struct,
    u32,
    u64,
    xdp,
)

WINDOW = 100_000_000_000  # ns

most = Config[u64](10)


@struct
class Count:
    window: u64
    syns: u64


counts = LruPerCpuHash[u32, Count](max_entries=1024)


@xdp
def guard(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_TCP:
        return XDP.PASS
    tcp = packet.parse(Tcp)
    if not tcp.syn or tcp.ack:
        return XDP.PASS
    network = u32(ip.saddr) >> 8
    window = ktime_ns() // WINDOW
    count = counts.get(network)
    if count is None:
        counts[network] = Count(window=window, syns=1)
        return XDP.PASS
    if count.window != window:
        count.window, count.syns = window, 0
    count.syns += 1
    return XDP.PASS if count.syns <= most.value else XDP.DROP
