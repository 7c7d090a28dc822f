from pyebpf import XDP, Array, Hash, RingBuf, struct, u32, u64, xdp


@struct
class Event:
    n: u64


records = RingBuf[Event](size=1 << 16)
table = Hash[u32, u64](max_entries=8)
left = Array[u64](max_entries=1)


@xdp
def probe(packet):
    try:
        with records.reserve() as record:
            for key, value in table.items():  # error
                if value == 255:
                    return XDP.TX
                record.n += key
    finally:
        left[0] += 1
    return XDP.DROP
