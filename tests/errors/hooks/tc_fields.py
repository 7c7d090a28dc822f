from pyebpf import TC, tc


@tc.ingress
def wrong(packet):
    packet.ifindex = 3  # error


@tc.egress
def unknown(packet):
    return packet.marc  # error


@tc.ingress
def of_sockets(packet):
    if packet.remote_port == 80:  # error
        return TC.SHOT


@tc.egress
def whole(packet):
    packet.cb = 1  # error


@tc.egress
def outside(packet):
    packet.cb[5] = 1  # error


@tc.egress
def varying(packet):
    packet.cb[packet.mark & 3] = 1  # error


@tc.ingress
def answer(packet):
    return 9  # error


@tc.ingress
def text(packet):
    return "SHOT"  # error
