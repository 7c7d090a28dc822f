from pyebpf import XDP, Global, Hash, RingBuf, char, struct, u8, u32, u64, xdp
from pyebpf.helpers import csum_diff, ringbuf_query, send_signal, strtol, xdp_load_bytes

table = Hash[u32, u64](max_entries=16)
size = Global[u64](4)


@struct
class Event:
    count: u64


events = RingBuf[Event](size=4096)


@xdp
def probe(packet):
    send_signal()  # error
    send_signal(9, 1)  # error
    send_signal("KILL")  # error
    send_signal(sig=9)  # error
    xdp_load_bytes(size, 0, u8[4]())  # error
    ringbuf_query(table, 0)  # error
    ringbuf_query(events, 0)
    csum_diff(None, u8[4](), 0)
    csum_diff(u8[4](), 7, 0)  # error
    return XDP.PASS


@xdp
def memory(packet):
    name: char[16] = "12"
    xdp_load_bytes(packet, 0, name)  # error
    xdp_load_bytes(packet, 0, 16)  # error
    xdp_load_bytes(packet, 0, None)  # error
    strtol(name, 0, u32[1]())  # error
    strtol("12", 0, u64[1]())
    buffer = u8[16]()
    xdp_load_bytes(packet, 0, buffer[: size.value])
    xdp_load_bytes(packet, 0, buffer[4 : size.value])  # error
    return XDP.PASS
