from pyebpf import struct_ops


@struct_ops("tcp_congestion_op")  # error
class Plain:
    name = "plain"

    def ssthresh(self, sk):
        return 2
