from pyebpf import struct_ops


@struct_ops("tcp_congestion_ops")
class Plain:
    name = "plain"

    def init(self, sk):
        return 7  # error

    def ssthresh(self, sk):
        return self.undo_cwnd(sk)  # error

    def cong_avoid(self, sk, ack):  # error
        pass

    def undo_cwnd(self, sk):
        return "two"  # error

    def min_tso_segs(sk, more=1):  # error
        return 1

    def set_state(self, sk, new_state):
        if new_state:
            return sk  # error

    def cwnd_event(self, sk, ev):
        print(ev + "")  # error
