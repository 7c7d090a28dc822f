from pyebpf import Global, fexit, i64

seen = Global[i64](0)


@fexit("tcp_set_state")
def probe(sk, ret):  # error
    seen.value = ret
