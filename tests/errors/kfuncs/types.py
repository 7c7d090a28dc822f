from pyebpf import XDP, xdp
from pyebpf.kfuncs import bpf_crypto_ctx_acquire, bpf_iter_num_new, bpf_session_cookie, bpf_wq_start


@xdp
def probe(packet):
    bpf_crypto_ctx_acquire(1)  # error
    bpf_session_cookie()  # error
    bpf_iter_num_new(packet, 1, 2)  # error
    bpf_wq_start(packet, 1)  # error
    return XDP.PASS
