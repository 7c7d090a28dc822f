from pyebpf import xdp


@xdp  # error
class Drop:
    pass
