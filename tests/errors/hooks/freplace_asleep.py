from pyebpf import freplace, xdp


@freplace("filter", xdp, sleepable=True)  # error
def probe(packet):
    pass
