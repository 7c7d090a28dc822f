from pyebpf import NF, XDP, netfilter


@netfilter
def no_such_member(packet):  # error
    return NF.ACCEPT


@netfilter
def no_such_field(skb):
    return skb.length  # error


@netfilter
def no_such_answer(state):
    return XDP.TX  # error
