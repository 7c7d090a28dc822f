from pyebpf import FLOW, TC, Hash, flow_dissector, tc, u8, u32, u64

sizes = Hash[u32, u64](max_entries=4)


@flow_dissector
def length(packet):
    sizes[len(packet)] += 1  # error


@flow_dissector
def between(packet):
    return 1  # error


@flow_dissector
def field(packet):
    packet.mark = 3  # error


@flow_dissector
def key(packet):
    packet.flow_keys.source = 3  # error


@flow_dissector
def many(packet):
    data = u8[64]()
    packet.read(0, data[: packet.flow_keys.nhoff])  # error


@flow_dissector
def written(packet):
    packet.store(0, u8, 3)  # error
    return FLOW.OK


@tc.ingress
def elsewhere(packet):
    packet.flow_keys.nhoff = 3  # error
    return TC.OK
