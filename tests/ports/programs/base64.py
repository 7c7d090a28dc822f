"""Encodes 24 bytes of the packet as base64 text."""

from pyebpf import XDP, Array, struct, u8, xdp


@struct
class Text:
    letters: u8[32]


encoded = Array[Text](max_entries=1)


@xdp
def encode(packet):
    letters = encoded[0].letters
    for group in range(8):
        a, b, c = packet.load(group * 3, u8), packet.load(group * 3 + 1, u8), packet.load(group * 3 + 2, u8)
        bits = a << 16 | b << 8 | c
        for k in range(4):
            value = bits >> (18 - 6 * k) & 63
            if value < 26:
                letter = 65 + value
            elif value < 52:
                letter = 97 + value - 26
            elif value < 62:
                letter = 48 + value - 52
            else:
                letter = 43 if value == 62 else 47
            letters[group * 4 + k] = letter
    return XDP.PASS
