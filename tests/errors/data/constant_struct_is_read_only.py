from pyebpf import Array, struct, u32, xdp


@struct
class Flow:
    port: u32
    hops: u32[2]


DEFAULT = Flow(port=80)
flows = Array[Flow](max_entries=1)


@xdp
def probe(packet):
    flow = DEFAULT
    flow.port = 1  # error
    DEFAULT.port = 2  # error
    DEFAULT.hops[0] = 3  # error
    flows[0] = DEFAULT.copy()
    flows[0].port = DEFAULT.prot  # error
