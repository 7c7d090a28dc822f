from pyebpf import XDP, Global, i64, u8, u64, xdp
from pyebpf.helpers import send_signal, xdp_load_bytes

signal = Global[u64](9)
count = Global[i64](4)


@xdp
def probe(packet):
    send_signal(signal.value)  # error
    buffer = u8[16]()
    xdp_load_bytes(packet, 0, buffer[: count.value])  # error
    return XDP.PASS
