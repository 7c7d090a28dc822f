from pyebpf import FLOW, flow_dissector, u32


@flow_dissector
def wide(packet):
    packet.flow_keys.is_frag = packet.load(0, u32)  # error
    return FLOW.OK
