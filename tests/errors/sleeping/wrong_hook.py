from pyebpf import xdp


@xdp(sleepable=True)  # error
def firewall(packet):
    pass
