from pyebpf import pid  # error


def probe(ctx):
    print(pid())
