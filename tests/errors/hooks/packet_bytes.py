from pyebpf import XDP, Global, be16, cgroup, char, u8, u64, xdp

at = Global[u64](0)


@xdp
def probe(packet):
    packet.read(0)  # error
    packet.read(0, 16)  # error
    name: char[8] = "x"
    packet.read(0, name)  # error
    packet.read(70_000, u8[4]())  # error
    packet.write(-1, u8[4]())  # error
    packet.read(offset=0)  # error
    packet.store(12, 0x0800, be16)  # error
    packet.store(12, be16)  # error
    packet.store(12, be16, 0x10800)  # error
    packet.wirte(12, name)  # error
    return XDP.PASS


@cgroup.skb.egress
def no_writing(packet):
    packet.read(0, u8[4]())
    packet.write(0, u8[4]())  # error
    packet.store(0, be16, 4)  # error
    return 1
