from pyebpf import lwt


@lwt.in_  # error
def probe(packet):
    pass
