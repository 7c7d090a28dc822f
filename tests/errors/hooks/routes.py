from pyebpf import LWT, IPv4, lwt, u8


@lwt.output
def no_redirect(packet):
    return LWT.REDIRECT  # error


@lwt.input
def nothing_between(packet):
    return 1  # error


@lwt.input
def written(packet):
    packet.parse(IPv4).ttl = 3  # error
    return LWT.OK


@lwt.input
def stored(packet):
    packet.store(8, u8, 3)  # error


@lwt.xmit
def unknown(packet):
    return packet.tc_classid  # error
