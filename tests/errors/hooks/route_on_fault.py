from pyebpf import lwt


@lwt.output(on_fault=1)  # error
def probe(packet):
    pass
