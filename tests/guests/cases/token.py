"""In a namespace of users, with what a bpf file system delegates to it (a BPF token), and without."""

from user_namespaces import in_namespace

import pyebpf
from pyebpf import XDP, Global, Hash, u32, u64, xdp

SINCE = (6, 9)
ATTACH = False
LOADS = True
LIBBPF = False  # who else loads it has no part in this

counts = Hash[u32, u64](max_entries=4)
seen = Global[u64](0)


@xdp
def probe(packet):
    counts[1] += 1
    seen.value += 1
    return XDP.DROP


def check(session):
    def load():
        try:
            with pyebpf.load(session.object, where={"probe": "lo"}) as own:
                result = own.programs["probe"].test_run(bytes(64)).result
                return [result, own.maps["counts"].to_dict()[1], own.variables["seen"].value, len(own.links)]
        except pyebpf.LoadError as error:
            return [error.reason]

    delegated = dict.fromkeys(("delegate_cmds", "delegate_maps", "delegate_progs", "delegate_attachs"), "any")
    assert in_namespace(load) == ["privileges"]
    assert in_namespace(load, "/sys/fs/bpf", delegated) == [XDP.DROP, 1, 1, 1]
