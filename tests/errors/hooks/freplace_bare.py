from pyebpf import freplace


@freplace  # error
def probe(packet):
    pass
