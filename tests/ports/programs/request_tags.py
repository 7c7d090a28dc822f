"""Which request a thread is working on, as the process itself notes it down: read in its own memory at every getppid.

The process keeps a table of chains, one for every thread id modulo 16, of nodes with tags; a tag is two pointers to
text. Nothing in it is trusted: chains are followed for 8 nodes, tags are read up to 4, and what can't be read is
counted.
"""

from pyebpf import (
    Config,
    Global,
    Hash,
    NullPointerError,
    RingBuf,
    char,
    function,
    pid,
    raw_tracepoint,
    struct,
    tid,
    u32,
    u64,
    user_read,
    user_str,
)

CHAINS = 16


@struct
class Tag:
    key: u64
    value: u64


@struct
class Node:
    next: u64
    thread: u32
    count: u32
    tags: Tag[4]
    state: char[8]


@struct
class Seen:
    thread: u32
    state: char[8]
    request: char[24]
    hops: u32


target = Config[u32](0)
number = Config[u64](0)  # of the system call
table = Config[u64](0)  # where the chains start
requests = Hash[char[24], u64](max_entries=64)
states = Hash[char[8], u64](max_entries=16)
seen = RingBuf[Seen](size=64 * 1024)
untagged = Global[u64](0)
unreadable = Global[u64](0)
letters = Global[u64](0)


@function
def find(thread):
    """The node of a thread, and how far down its chain it is."""
    at = user_read(table.value + thread % CHAINS * 8, u64)
    for hops in range(8):
        if at == 0:
            break
        node = user_read(at, Node)
        if node.thread == thread:
            return node, hops
        at = node.next
    return None


@function
def look_up(node, wanted):
    """The address of the text of a tag."""
    for i, tag in enumerate(node.tags):
        if i >= node.count:
            break
        name: char[16] = user_str(tag.key)
        if name == wanted:
            return tag.value
    return None


@raw_tracepoint("sys_enter")
def on_call(ctx):
    if pid() != target.value or ctx.args[1] != number.value:
        return
    try:
        found = find(tid())
        if found is None:
            untagged.value += 1
            return
        node, hops = found
        address = look_up(node, "request")
        if address is None:
            untagged.value += 1
            return
        request: char[24] = user_str(address)
        requests[request] += 1
        states[node.state] += 1
        letters.value += sum(1 for c in request if "a" <= c <= "z")
        with seen.reserve() as event:
            event.thread = tid()
            event.state = node.state
            event.request = request
            event.hops = hops
    except NullPointerError:
        unreadable.value += 1
