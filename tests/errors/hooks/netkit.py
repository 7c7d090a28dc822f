from pyebpf import TC, netkit


@netkit.primary
def unknown_to_netkit(packet):
    return TC.STOLEN  # error


@netkit.peer
def read_only(packet):
    packet.ifindex = 3  # error
