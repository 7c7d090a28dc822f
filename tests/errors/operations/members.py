from pyebpf import struct_ops


@struct_ops("tcp_congestion_ops")
class Plain:
    nam = "plain"  # error
    name = "a name that is too long"  # error
    flags = -1  # error
    key = 1  # error

    def ssthres(self, sk):  # error
        return 2

    def ssthresh(self, sk):
        return 2

    def cong_avoid(self, sk, ack, acked):
        pass

    def undo_cwnd(self, sk):
        return 2

    def get_info(self, sk, ext, attr, info):  # error
        return 0
