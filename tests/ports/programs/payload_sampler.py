"""One packet in so many, with the start of what it carries: its flow and as many bytes as there are, up to a limit."""

from pyebpf import (
    ETH_P_IP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    XDP,
    Config,
    Ethernet,
    Global,
    IPv4,
    IPv4Address,
    RingBuf,
    Tcp,
    Udp,
    be16,
    struct,
    u8,
    u16,
    u64,
    xdp,
)

MOST = 96


@struct
class Sample:
    source: IPv4Address
    dest: IPv4Address
    port: be16
    whole: u16  # bytes that the packet carries


samples = RingBuf[Sample, bytes](size=64 * 1024)
every = Config[u64](2)
seen = Global[u64](0)


@xdp
def sample(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol == IPPROTO_TCP:
        port = packet.parse(Tcp).dest
    elif ip.protocol == IPPROTO_UDP:
        port = packet.parse(Udp).dest
    else:
        return XDP.PASS
    seen.value += 1
    if seen.value % max(every.value, 1) != 0:
        return XDP.PASS
    start = packet.offset
    whole = max(len(packet) - start, 0)
    data = u8[96]()
    size = min(whole, MOST)
    packet.read(start, data[:size])
    samples.output(Sample(source=ip.saddr, dest=ip.daddr, port=port, whole=u16(whole)), data[:size])
    return XDP.PASS
