"""Operations on maps: lookups with their checks, counting, rings and histograms."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef, Obligation
from pyebpf.ir.types import BOOL, I64, U64, IntType, PointerType, Region, is_scalar, loaded
from pyebpf.irbuild import arithmetic, memory, networks, queues, storage, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Optional, Place, Static, describe, describe_type, is_text, reference
from pyebpf.irbuild.subscripts import counted, from_end
from pyebpf.lang.functions import Builtin
from pyebpf.lang.maps import Map
from pyebpf.source import Span

ANY, NOEXIST, LOCK = 0, 1, 4
WRITES = ("[] =", "+=", "-=", "del", "pop")
RESULT = IntType(-4095, 0)
INDEXED = ("Array", "PerCpuArray")
OF_MAPS = ("HashOfMaps", "ArrayOfMaps")
INTERFACES = ("DevMap", "DevMapHash", "CpuMap", "XskMap")
TARGETS = (*INTERFACES, "SockMap", "SockHash", "ReuseportSockArray")
HISTOGRAMS = ("Histogram", "LinearHistogram", "KeyedHistogram", "KeyedLinearHistogram")
METHODS = {
    "Hash": ("get", "pop"),
    "LruHash": ("get", "pop"),
    "PerCpuHash": ("get", "pop"),
    "LruPerCpuHash": ("get", "pop"),
    "LpmTrie": ("get",),
    "Array": ("get",),
    "PerCpuArray": ("get",),
    **dict.fromkeys(("RingBuf", "PerfEventArray"), ("reserve", "output")),
    **dict.fromkeys(HISTOGRAMS, ("observe",)),
    "Queue": ("push", "pop", "peek"),
    "Stack": ("push", "pop", "peek"),
    "BloomFilter": ("add",),
    "ProgArray": (),
    **dict.fromkeys(TARGETS, ()),
    "TaskStorage": ("get", "setdefault"),
    "SkStorage": ("get", "setdefault"),
    "CgroupStorage": ("get", "setdefault"),
    "InodeStorage": ("get", "setdefault"),
    "HashOfMaps": (),
    "ArrayOfMaps": (),
    "StackTrace": (),
    "UserRingBuf": (),
    "Stacks": (),
}
KEYLESS = {
    "UserRingBuf": "for record in {}:",
    **dict.fromkeys(("RingBuf", "PerfEventArray"), "with {}.reserve() as event:"),
    **dict.fromkeys(HISTOGRAMS[:2], "{}.observe(x)"),
    **dict.fromkeys(HISTOGRAMS[2:], "{}[key].observe(x)"),
    "Queue": "{}.pop()",
    "Stack": "{}.pop()",
    "BloomFilter": "{}.add(x)",
    "ProgArray": "return {}[i](packet)",
    **dict.fromkeys(INTERFACES, "return redirect_map({}, key, 0)"),
    **dict.fromkeys(("SockMap", "SockHash"), "with {}[key] as socket:"),
    "ReuseportSockArray": "sk_select_reuseport({}, key, 0)",
    "StackTrace": "get_stackid({}, 0)",
    "Stacks": "{}[comm(), user_stack()] += 1",
}
"""Maps whose entries have no keys, and what is written instead."""
"""`m[k] += n` on a missing key: look up, insert, and if another CPU was faster look up again."""


def ref(b: Builder, operand: Static) -> MapRef:
    assert isinstance(operand.value, Map)
    if id(operand.value) in b.inner_maps:
        return b.inner_maps[id(operand.value)][1]
    return b.module.map(operand.value, operand.name)


def require(b: Builder, map: MapRef, operation: str, span: Span) -> None:
    """A diagnostic unless entries of `map` are reached by key."""
    if map.kind in OF_MAPS and operation not in ("[]", "in"):
        b.error(errors.NoSuchOperation(span, f"a {map.kind}", operation, f"table = {map.name}[key]"))
    if map.kind in KEYLESS:
        what = "a histogram with keys" if map.kind in HISTOGRAMS[2:] else f"a {map.kind}"
        b.error(errors.NoSuchOperation(span, what, operation, KEYLESS[map.kind].format(map.name)))
    if map.read_only and operation in WRITES:
        b.error(type_errors.ReadOnly(span, f"`{map.name}`, which was declared with read_only=True,"))


def key_address(b: Builder, map: MapRef, key: Operand, span: Span) -> ops.Value:
    """The key in memory, of the map's key type."""
    assert map.key is not None
    if map.kind == "LpmTrie":
        return networks.key_address(b, map, key, span)
    if map.kind in (*INDEXED, "ArrayOfMaps"):
        index = values.number(b, key, span)
        key = _checked_index(b, index, map, span)
    elif not _key_suits(map.key, key):
        hint = f"{span.text}()" if isinstance(key, Static) and isinstance(key.value, Builtin) else ""
        if map.key == layout.U64:
            hint = hint or values.as_number(key, span)
        b.error(errors.KeyType(span, map.name, describe_type(map.key), describe(key), hint))
    return memory.materialize(b, "key", map.key, key, span)


def _checked_index(b: Builder, index: ops.Value, map: MapRef, span: Span) -> ops.Value:
    """An index that fits a key: a lookup finds nothing outside the array, but only for keys of 32 bits. As in a list,
    those below zero count from the end; the indexes of maps of maps are keys of a dict."""
    indexed = map.kind in INDEXED
    if isinstance(index, ops.Const):
        at = index.value + map.max_entries if indexed and index.value < 0 else index.value
        if not 0 <= at < map.max_entries:
            b.error(type_errors.IndexOutOfRange(span, index.value, map.max_entries))
        return b.const(at, span)
    if indexed:
        index = from_end(b, index, map.max_entries, span)
    assert isinstance(index.type, IntType)
    if index.type.low < 0 and not indexed:
        b.check(b.compare(">=", index, b.const(0, span), span), Fault.KEY, span)
    if index.type.high >= 1 << 32:
        inside = b.compare("<", index, b.const(map.max_entries, span), span)
        b.check(inside, Fault.INDEX if indexed else Fault.KEY, span)
    return index


def _found_index(b: Builder, map: MapRef, key: Operand, span: Span) -> Operand:
    """The index of `get`: where there is no element, one at which none is found."""
    index = values.number(b, key, span)
    if isinstance(index, ops.Const):
        return index
    index = counted(b, index, map.max_entries, span)
    assert isinstance(index.type, IntType)
    if index.type.low >= 0 and index.type.high < 1 << 32:
        return index
    found = b.local("index", IntType(0, map.max_entries), span)
    b.set(found, b.const(map.max_entries, span), span)
    least, end = b.const(0, span), b.const(map.max_entries, span)

    def below_end() -> None:
        b.if_(b.compare("<", index, end, span), lambda: b.set(found, index, span), None, span)

    b.if_(b.compare(">=", index, least, span), below_end, None, span)
    return b.get(found, span)


def _key_suits(type: layout.Type, key: Operand) -> bool:
    if isinstance(key, Optional):
        return _key_suits(type, key.value)
    if isinstance(type, layout.Text):
        return is_text(key)
    if isinstance(type, layout.Integer | layout.Enumeration):
        return values.is_number(key)
    if isinstance(type, layout.Boolean):
        return ops.is_value(key) and memory.is_bool(key)
    pointer = reference(key)
    return isinstance(key, Static) or (pointer is not None and pointer.target == type)


def lookup(b: Builder, map: MapRef, key: Operand, span: Span) -> tuple[ops.Value, ops.Value]:
    """The address of the entry, or null, and the address of the key."""
    assert map.value is not None
    if map.kind in storage.KINDS:
        found = storage.find(b, map, key, span)
        return found, found
    address = key_address(b, map, key, span)
    return find(b, map, address, span), address


def find(b: Builder, map: MapRef, key: ops.Value, span: Span) -> ops.Value:
    assert map.value is not None
    type = PointerType(map.value, Region.MAP, nullable=True, writable=not map.read_only)
    return b.emit(ops.MapLookup(map, key, type, span, b.through(map, span)))


def entry(b: Builder, map: MapRef, key: Operand, span: Span, what: str) -> Place:
    """`m[k]` for reading: KeyError (IndexError for arrays) when it isn't there."""
    require(b, map, "[]", span)
    found, _ = lookup(b, map, key, span)
    b.check(b.present(found, span), Fault.INDEX if map.kind in INDEXED else Fault.KEY, span)
    assert map.value is not None
    return Place(b.not_null(found, span), map.value, what, span)


def assign(b: Builder, map: MapRef, key: Operand, value: Operand, spans: tuple[Span, Span, Span]) -> None:
    """`m[k] = value`. `spans`: of the whole, of the key, of the value."""
    span, key_span, value_span = spans
    require(b, map, "[] =", span)
    if map.kind in storage.KINDS:
        storage.assign(b, map, key, value, spans)
        return
    assert map.value is not None
    timed = layout.renewed(map.value)
    # A hash map's entry that is written in place keeps its timer, in some kernels; a new one has none in any.
    locked = LOCK if layout.locks(map.value) and not (timed and map.kind not in INDEXED) else ANY
    if map.kind in INDEXED and not locked and not timed:
        memory.store(b, entry(b, map, key, key_span, span.text), value, value_span)
        return
    address = key_address(b, map, key, key_span)
    data = memory.materialize(b, "value", map.value, value, value_span)
    _update(b, map, address, data, locked, span)


def put(b: Builder, map: MapRef, key: ops.Value, value: ops.Value, span: Span) -> None:
    """Write an entry, whether or not it is there."""
    _update(b, map, key, value, ANY, span)


def _update(b: Builder, map: MapRef, key: ops.Value, value: ops.Value, flags: int, span: Span) -> None:
    result = b.emit(ops.MapUpdate(map, key, value, flags, RESULT, span, b.through(map, span)))
    fault = Fault.INDEX if map.kind in INDEXED else Fault.MEMORY
    b.check(b.compare("==", result, b.const(0, span), span), fault, span)


def contains(b: Builder, map: MapRef, key: Operand, span: Span) -> ops.Value:
    """`k in m`."""
    if map.kind == "BloomFilter":
        return queues.contains(b, map, key, span)
    require(b, map, "in", span)
    if map.kind in INDEXED:  # Python would look for a value; a map of that kind finds indexes
        b.error(
            errors.NoSuchOperation(
                span, f"an {map.kind}" if map.kind[0] in "AEIOU" else f"a {map.kind}", "in", f"i < len({map.name})"
            )
        )
    found, _ = lookup(b, map, key, span)
    return b.present(found, span)


def delete(b: Builder, map: MapRef, key: Operand, span: Span, key_span: Span) -> None:
    """`del m[k]`: KeyError when it isn't there."""
    require(b, map, "del", span)
    if map.kind in INDEXED:
        b.error(errors.NoSuchOperation(span, f"an {map.kind}", "del", f"{map.name}[i] = 0"))
    if map.kind in storage.KINDS:
        storage.delete(b, map, key, span, key_span)
        return
    address = key_address(b, map, key, key_span)
    result = b.emit(ops.MapDelete(map, address, RESULT, span, b.through(map, span)))
    b.check(b.compare("==", result, b.const(0, span), span), Fault.KEY, span)


def method(b: Builder, map: MapRef, name: str, arguments: list[tuple[Operand, Span]], span: Span) -> Operand:
    """`m.name(…)`."""
    if name not in METHODS[map.kind]:
        known = ", ".join(f"`{word}`" for word in METHODS[map.kind])
        b.error(errors.NoSuchOperation(span, f"a {map.kind}", name, f"it has {known}"))
    if name in queues.TAKES and map.kind in KEYLESS:
        return queues.method(b, map, name, arguments, span)
    if name in WRITES:
        require(b, map, name, span)
    expected = {"get": (1, 2), "pop": (1, 2), "setdefault": (2, 2), "reserve": (0, 0)}[name]
    if not expected[0] <= len(arguments) <= expected[1]:
        takes = "no arguments" if expected == (0, 0) else "a key"
        takes += ", or a key and a default" if expected == (1, 2) else ""
        takes = "a key and a value" if expected == (2, 2) else takes
        b.error(name_errors.WrongArguments(span, f"{map.name}.{name}", takes, f"{len(arguments)} arguments"))
    match name:
        case "get" | "pop":
            return _get(b, map, arguments, span, remove=name == "pop")
        case "setdefault":
            return storage.setdefault(b, map, arguments[0], arguments[1], span)
        case _:
            b.error(errors.ReserveNeedsWith(span, map.name))


def _get(b: Builder, map: MapRef, arguments: list[tuple[Operand, Span]], span: Span, remove: bool) -> Operand:
    """`get` copies a scalar out; of a struct it gives a reference. `pop` removes the entry as well."""
    assert map.value is not None
    wanted, wanted_span = arguments[0]
    if map.kind in INDEXED:
        wanted = _found_index(b, map, wanted, wanted_span)
    found, key = lookup(b, map, wanted, wanted_span)
    if not is_scalar(map.value):
        if remove:
            b.error(
                errors.NoSuchOperation(
                    span, f"a {map.kind} of {map.value}", "pop", f"read it with get, then del {map.name}[key]"
                )
            )
        if len(arguments) == 2 and not (isinstance(arguments[1][0], Static) and arguments[1][0].value is None):
            b.error(
                errors.NoSuchOperation(
                    span, f"a {map.kind} of {map.value}", "get with a default", f"{map.name}.get(key)"
                )
            )
        return found
    there = b.present(found, span)
    present, value = (b.local("present", BOOL, span), b.local("value", loaded(map.value), span))
    default = arguments[1] if len(arguments) == 2 else None
    if default is not None and isinstance(default[0], Static) and default[0].value is None:
        default = None
    type = loaded(map.value)
    nothing = b.truth(False, span) if type == BOOL else b.const(0, span)
    first = nothing if default is None else values.fit(b, default[0], type, default[1])
    b.set(present, b.truth(False, span), span)
    b.set(value, first, span)

    def hit() -> None:
        assert map.value is not None
        b.set(value, memory.load(b, b.not_null(found, span), map.value, span), span)
        if remove:
            b.emit(ops.MapDelete(map, key, RESULT, span, b.through(map, span)))
        b.set(present, b.truth(True, span), span)

    b.if_(there, hit, None, span)
    if default is not None:
        return b.get(value, span)
    return Optional(b.get(present, span), b.get(value, span))


def count(b: Builder, map: MapRef, key: Operand, amount: ops.Value, spans: tuple[Span, Span]) -> None:
    """`m[k] += amount`: atomic, and a missing entry starts at zero, as in collections.Counter."""
    span, key_span = spans
    require(b, map, "+=", span)
    if map.kind == "LpmTrie":
        hint = "count in a field of the value: {0} = {1}[address]; {0}.packets += 1"
        b.error(errors.NoSuchOperation(span, "an LpmTrie", "+=", hint.format("network", map.name)))
    address = key_address(b, map, key, key_span)
    if map.kind in ("PerCpuHash", "LruPerCpuHash") and b.module.counts_alone:
        _count_own(b, map, address, amount, span)
    else:
        _count_shared(b, map, address, amount, span)


def _start_value(b: Builder, map: MapRef, amount: ops.Value, span: Span) -> ops.Value:
    assert map.value is not None
    data = b.scratch("start", map.value, span)
    b.emit(ops.Store(data, amount, span))
    return data


def _count_own(b: Builder, map: MapRef, key: ops.Value, amount: ops.Value, span: Span) -> None:
    """On a per-CPU map, where nobody else adds to this CPU's value."""
    found = find(b, map, key, span)
    assert map.value is not None
    value = map.value
    b.if_(
        b.present(found, span),
        lambda: add(b, Place(b.not_null(found, span), value, map.name, span), amount, span, shared=False),
        lambda: _update(b, map, key, _start_value(b, map, amount, span), ANY, span),
        span,
    )


def _count_shared(b: Builder, map: MapRef, key: ops.Value, amount: ops.Value, span: Span) -> None:
    """Look up and add."""
    assert map.value is not None
    entry = entry_or_zeros(b, map, key, span)
    add(b, Place(entry, map.value, map.name, span), amount, span, shared=True)


def entry_or_zeros(
    b: Builder, map: MapRef, key: ops.Value, span: Span, full: Callable[[], None] | None = None
) -> ops.Value:
    """The address of the entry. What is missing is inserted as zeros, by whoever is the first, and looked up once
    more; MemoryError when there is no room, or what `full` does, which doesn't come back."""
    assert map.value is not None
    value = map.value
    found = find(b, map, key, span)
    entry = b.local("entry", PointerType(value, Region.MAP), span)

    def insert() -> None:
        zero = b.emit(ops.ZeroAddress(PointerType(value, Region.DATA, writable=False), span))
        b.emit(ops.MapUpdate(map, key, zero, NOEXIST, RESULT, span, b.through(map, span)))
        again = find(b, map, key, span)
        if full is None:
            b.check(b.present(again, span), Fault.MEMORY, span)
            b.set(entry, b.not_null(again, span), span)
        else:
            b.if_(b.present(again, span), lambda: b.set(entry, b.not_null(again, span), span), full, span)

    b.if_(b.present(found, span), lambda: b.set(entry, b.not_null(found, span), span), insert, span)
    return b.get(entry, span)


def add(b: Builder, place: Place, amount: ops.Value, span: Span, shared: bool) -> None:
    """`place += amount`: atomic where other CPUs may add as well and the size allows it."""
    whole = isinstance(place.type, layout.Integer) and place.type.size in (4, 8) and not place.type.big_endian
    if shared and whole and _aligned(place.address, place.type.size):
        b.emit(ops.AtomicAdd(place.address, amount, span))
        return
    old = values.number(b, memory.read(b, place, span), span)
    memory.store(b, place, summed(b, old, amount, place.type, span), span)


def summed(b: Builder, old: ops.Value, amount: ops.Value, type: layout.Type, span: Span) -> ops.Value:
    """What a counter of `type` holds after `amount` is added."""
    if old.type == U64 and isinstance(amount.type, IntType) and amount.type.low < 0:
        amount = b.emit(ops.Convert(amount, layout.U64, U64, span))  # counters wrap around: added in 64 bits
    return wrapped(b, arithmetic.arithmetic(b, "+", old, amount, span, (span, span)), type, span)


def _aligned(address: ops.Value, size: int) -> bool:
    """Whether `address` is a multiple of `size`, which atomic operations need; fields of packed structs may not be."""
    match address:
        case ops.MemberAddress():
            return address.offset % size == 0 and _aligned(address.base, size)
        case ops.ElementAddress(type=PointerType() as pointer):
            return pointer.target.size % size == 0 and _aligned(address.base, size)
        case ops.NotNull():
            return _aligned(address.pointer, size)
        case ops.Prove():
            return _aligned(address.value, size)
        case ops.LocalGet(type=PointerType() as pointer):
            return pointer.target.align % size == 0
        case _:
            return True


def wrapped(b: Builder, value: ops.Value, type: layout.Type, span: Span) -> ops.Value:
    """A sum goes back into the counter that it came from; counters wrap around at their own size."""
    if isinstance(type, layout.Integer) and not isinstance(value, ops.Const):
        return b.emit(ops.Convert(value, type, IntType(type.minimum, type.maximum), span))
    return value


def bind_amount(b: Builder, operand: Operand, type: layout.Type, span: Span, negative: bool) -> ops.Value:
    """What `+=` adds to a counter of `type`; for `-=` its negation, in 64 bits."""
    if not (isinstance(type, layout.Integer) and values.is_number(operand)):
        b.error(type_errors.BadOperands(span, "-=" if negative else "+=", describe_type(type), describe(operand)))
    value = values.number(b, operand, span)
    assert isinstance(value.type, IntType)
    if not type.signed and value.type.low < 0:
        value = b.prove(value, IntType(0, I64.high), Obligation.NOT_NEGATIVE, span)
    if negative:
        value = b.emit(ops.Binary("-", b.const(0, span), value, I64, span))
    return value
