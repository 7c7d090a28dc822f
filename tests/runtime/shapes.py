"""Maps of every kind, variables of every type, and probes that read what Python wrote and write what Python reads."""

from __future__ import annotations

from enum import IntEnum

from pyebpf import *
from pyebpf import IPv4Address, IPv6Address, MacAddress


class Color(IntEnum):
    RED = 1
    GREEN = 2
    NONE = -3


@struct
class Inner:
    a: u8
    b: i64


@struct
class Value:
    flag: bool
    color: Color
    name: char[6]
    numbers: u16[3]
    inner: Inner
    inners: Inner[2]
    v4: IPv4Address
    v6: IPv6Address
    mac: MacAddress
    port: be16


@struct
class Key:
    number: u32
    name: char[8]


numbers = Hash[u32, u64](max_entries=4)
names = Hash[char[8], u32](max_entries=4)
keyed = Hash[Key, Value](max_entries=4)
colors = Hash[Color, bool](max_entries=4)
hosts = Hash[IPv4Address, IPv6Address](max_entries=4)
macs = Hash[MacAddress, be32](max_entries=4)
recent = LruHash[u64, u32](max_entries=64)
by_cpu = PerCpuHash[u32, u32](max_entries=4)
inner_by_cpu = PerCpuHash[u32, Inner](max_entries=4)
cells = Array[i32](max_entries=5)
pairs = Array[Inner](max_entries=2)
cells_by_cpu = PerCpuArray[u32](max_entries=3)
arrays_by_cpu = PerCpuArray[u16[2]](max_entries=1)
sizes = Histogram(unit="bytes")

a_u8, a_i8 = Global[u8](), Global[i8]()
a_u16, a_i16 = Global[u16](), Global[i16]()
a_u32, a_i32 = Global[u32](), Global[i32]()
a_u64, a_i64 = Global[u64](), Global[i64]()
a_be16, a_be32, a_be64 = Global[be16](), Global[be32](), Global[be64]()
a_bool, a_color, a_name = Global[bool](), Global[Color](Color.GREEN), Global[char[6]]("first")
an_array, an_inner, a_value = Global[u16[3]](), Global[Inner](), Global[Value]()
a_v4, a_v6, a_mac = Global[IPv4Address](), Global[IPv6Address](), Global[MacAddress]()
read = Global[i64](0)


@raw_tracepoint("sys_enter")
def use(ctx):
    """Reads what Python wrote under the first key, writes under the second; counts in the maps with parts per CPU."""
    n = ctx.args[0]
    given = keyed.get(Key(number=1, name="given"))
    if given is not None and given.flag and given.name == "näme" and given.mac == MacAddress("02:00:00:00:00:01"):
        read.value = given.inners[1].b + given.numbers[2] + given.port
        if given.v6 == IPv6Address("fe80::1") and given.v4 == IPv4Address("10.0.0.1") and given.color == Color.NONE:
            keyed[Key(number=2, name="copy")] = given
    numbers[u32(n)] = n
    names["eight888"] = 8
    colors[Color.GREEN] = True
    hosts[IPv4Address("10.0.0.2")] = IPv6Address("::2")
    macs[MacAddress("02:00:00:00:00:02")] = 0x01020304
    recent[n] = 1
    by_cpu[u32(n)] += 5
    inner_by_cpu[1] = Inner(a=7, b=-7)
    cells[4] -= 9
    pairs[1].b = -5
    cells_by_cpu[2] += 3
    arrays_by_cpu[0][1] = 77


@raw_tracepoint("sys_enter")
def observe(ctx):
    sizes.observe(ctx.args[0])
