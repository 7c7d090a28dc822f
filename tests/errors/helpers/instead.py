from pyebpf import XDP, Hash, u32, u64, xdp
from pyebpf.helpers import map_lookup_elem, ringbuf_output, sk_release, timer_init

table = Hash[u32, u64](max_entries=16)


@xdp
def probe(packet):
    map_lookup_elem(table, 1)  # error
    ringbuf_output(table, 1, 2, 3)  # error
    sk_release(packet)  # error
    timer_init(table)  # error
    return XDP.PASS
