from pyebpf import netkit


@netkit.ingress  # error
def probe(packet):
    pass
