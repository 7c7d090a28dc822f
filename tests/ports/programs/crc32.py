"""The CRC-32 of a packet's first bytes, bit by bit, as Ethernet computes it."""

from pyebpf import XDP, Global, u8, u32, xdp

POLYNOMIAL = 0xEDB88320

crc = Global[u32](0)


@xdp
def checksum(packet):
    value: u32 = 0xFFFFFFFF
    for i in range(min(len(packet), 128)):
        value ^= packet.load(i, u8)
        for _ in range(8):
            value = value >> 1 ^ POLYNOMIAL if value & 1 else value >> 1
    crc.value = value ^ 0xFFFFFFFF
    return XDP.PASS
