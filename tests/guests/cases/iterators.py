"""What iterators go through: processes and their memory, maps, the entries of a map, cgroups, TCP sockets."""

import os
import socket

from surroundings import own_cgroup, own_network

from pyebpf import Global, Hash, iterator, u32, u64

SINCE = (6, 1)
ATTACH = False

entries = Hash[u32, u64](max_entries=8)
tasks, areas, maps, held, groups, sockets = (Global[u64](0) for _ in range(6))


@iterator("task")
def each_task(task):
    tasks.value += 1


@iterator("task_vma")
def each_area(task, vma):
    areas.value += 1


@iterator("bpf_map")
def each_map(map):
    maps.value += 1
    entries[1] = 1


@iterator("bpf_map_elem")
def each_entry(key, value):
    held.value += 1


@iterator("cgroup")
def each_group(cgroup):
    groups.value += 1


@iterator("tcp")
def each_socket(sk_common):
    sockets.value += 1


def check(session):
    own_network()
    group = own_cgroup()
    session.maps["entries"].update({2: 2})
    with socket.create_server(("127.0.0.1", 0)):
        for name, where in (
            *(("each_task", None), ("each_area", f"pid:{os.getpid()}"), ("each_map", None)),
            *(("each_entry", "entries"), ("each_group", f"pre:{group}"), ("each_socket", None)),
        ):
            session.attach(name, where).read()
    found = {name: session.variables[name].value for name in ("tasks", "areas", "maps", "held", "groups", "sockets")}
    assert found["held"] == 2 and found["groups"] == 1 and found["sockets"] == 1, found
    assert found["tasks"] > 1 and found["areas"] > 3 and found["maps"] >= 1, found
