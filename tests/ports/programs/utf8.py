"""Checks that the packet's payload is UTF-8 and counts its characters, by the state machine of the encoding."""

from pyebpf import XDP, Global, u8, u32, xdp

START = 14

characters = Global[u32](0)


@xdp
def check(packet):
    count = 0
    left = 0
    least = 0
    value = 0
    for i in range(START, min(len(packet), START + 200)):
        byte = packet.load(i, u8)
        if left > 0:
            if byte & 0xC0 != 0x80:
                return XDP.DROP
            value = (value << 6 | byte & 0x3F) & 0x1FFFFF
            left -= 1
            if left == 0:
                if value < least or value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
                    return XDP.DROP
                count += 1
        elif byte < 0x80:
            count += 1
        elif byte & 0xE0 == 0xC0:
            left, value, least = 1, byte & 0x1F, 0x80
        elif byte & 0xF0 == 0xE0:
            left, value, least = 2, byte & 0x0F, 0x800
        elif byte & 0xF8 == 0xF0:
            left, value, least = 3, byte & 0x07, 0x10000
        else:
            return XDP.DROP
    if left != 0:
        return XDP.DROP
    characters.value = count
    return XDP.PASS
