from pyebpf import LWT, lwt, u8
from pyebpf.helpers import lwt_push_encap, redirect


@lwt.output
def helper_of_another(packet):
    lwt_push_encap(packet, 2, u8[20]())  # error
    return LWT.OK


@lwt.input
def nowhere_else(packet):
    return redirect(1, 0)  # error
