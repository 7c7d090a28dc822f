from pyebpf import freplace


@freplace("filter")  # error
def probe(packet):
    pass
