from pyebpf import freplace, tracepoint


@freplace("filter", tracepoint)  # error
def probe(packet):
    pass
