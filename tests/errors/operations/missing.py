from pyebpf import struct_ops


@struct_ops("tcp_congestion_ops")
class Plain:  # error # error # error
    def ssthresh(self, sk):
        return 2
