from pyebpf import tc


@tc.ingres  # error
def typo(packet):
    pass
