from pyebpf import Array, struct, u32, xdp


@struct
class Flow:
    port: u32


DEFAULT = Flow(port=-1)
flows = Array[Flow](max_entries=1)


@xdp
def probe(packet):
    flows[0] = DEFAULT  # error
