"""Packs the payload by run lengths: pairs of a count and a byte, as many as fit."""

from pyebpf import XDP, Array, struct, u8, u32, xdp

START, LONGEST = 14, 128


@struct
class Packed:
    length: u32
    data: u8[64]


packed = Array[Packed](max_entries=1)


@xdp
def pack(packet):
    result = packed[0]
    at = 0
    run = 0
    last = 0
    for i in range(START, min(len(packet), START + LONGEST)):
        byte = packet.load(i, u8)
        if run > 0 and byte == last and run < 255:
            run += 1
            continue
        if run > 0:
            if at > 62:
                return XDP.DROP
            result.data[at], result.data[at + 1] = run, last
            at += 2
        run, last = 1, byte
    if run > 0:
        if at > 62:
            return XDP.DROP
        result.data[at], result.data[at + 1] = run, last
        at += 2
    result.length = at
    return XDP.PASS
