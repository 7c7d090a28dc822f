"""netfilter: what comes to the machine is counted, and some of it dropped."""

from surroundings import datagrams, own_network

from pyebpf import NF, Hash, netfilter, u32, u64

SINCE = (6, 4)

sizes = Hash[u32, u64](max_entries=16)


@netfilter
def guard(skb, state):
    sizes[skb.len] += 1
    if skb.len == 28 + 13 and state.hook == 1:
        return NF.DROP


def where():
    own_network()
    return {"guard": "ipv4:local_in:-10"}


def check(session):
    assert datagrams(bytes(5), bytes(13)) == ["arrived", "lost"]
    assert session.maps["sizes"].to_dict() == {33: 1, 41: 1} and not session.faults
