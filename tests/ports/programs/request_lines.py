"""First lines of HTTP requests, each a record as long as it is; and a note in words about those that have no end."""

from pyebpf import ETH_P_IP, IPPROTO_TCP, XDP, Ethernet, IPv4, RingBuf, Tcp, function, u8, xdp

LONGEST = 128
CR = 13

lines = RingBuf[bytes](size=16 * 1024)
notes = RingBuf[str](size=16 * 1024)


@function
def starts_with_method(data):
    return 65 <= data[0] <= 90 and 65 <= data[1] <= 90 and 65 <= data[2] <= 90


@xdp
def log(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP or packet.parse(IPv4).protocol != IPPROTO_TCP:
        return XDP.PASS
    tcp = packet.parse(Tcp)
    if tcp.dest != 80:
        return XDP.PASS
    data = u8[128]()
    size = max(min(len(packet) - packet.offset, LONGEST), 0)
    packet.read(packet.offset, data[:size])
    if size < 16 or not starts_with_method(data):
        return XDP.PASS
    end = 0
    for byte in data:
        if byte == CR or end == size:
            break
        end += 1
    if end == size:
        notes.output(f"a line of more than {size} bytes from port {tcp.source}")
    else:
        lines.output(data[:end])
    return XDP.PASS
