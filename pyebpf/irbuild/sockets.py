"""Sockets: their fields, and those that are found and must be given back.

    with sk_lookup_tcp(packet, tuple, BPF_F_CURRENT_NETNS, 0) as socket:
        if socket.state == 10: …
    with ports[443] as socket:              a SockMap or SockHash (5.8)
        sk_assign(ctx, socket, 0)

The kernel finds nothing, or a socket that counts one more who uses it: NullPointerError in the first case, and given
back at every way out of the block in the second.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from pyebpf import layout
from pyebpf.diagnostics import hooks as hook_errors
from pyebpf.diagnostics import kfuncs as kfunc_errors
from pyebpf.diagnostics import maps as map_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import I64, KernelType, PointerType, Region
from pyebpf.irbuild import context_fields, expressions, helpers, maps, memory, queues
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.holding import hold
from pyebpf.irbuild.operands import Operand, Place, Static
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.kernel.hooks import HOOKS, decorators
from pyebpf.kernel.sockets import FIELDS, LOOKUPS, RELEASE, SOCKET
from pyebpf.lang.helpers import KernelHelper
from pyebpf.lang.maps import Map
from pyebpf.source import Span
from pyebpf.syntax import tree

MAPS = ("SockMap", "SockHash")
NAMES = {"bpf_sock": "a socket", "bpf_sock_common": "a socket that may be half made", "bpf_tcp_sock": "a TCP socket"}


def field(b: Builder, socket: ops.Value, struct: str, name: str, spans: tuple[Span, Span, Span]) -> Operand:
    """`socket.state`. `spans`: of the whole, of the name, of the socket."""
    span, name_span, base_span = spans
    found = next((field for field in FIELDS[struct] if field.name == name), None)
    if found is None:
        names = [field.name for field in FIELDS[struct]]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else ""
        b.error(hook_errors.UnknownContextField(name_span, NAMES[struct], name, ", ".join(names), hint))
    if socket not in b.surely_there:
        b.check(b.present(socket, base_span), Fault.NULL_POINTER, base_span)

    def at(offset: int, type: layout.Type) -> ops.Value:
        pointer = PointerType(type, Region.CONTEXT, writable=False)
        return b.emit(ops.KernelAddress(socket, b.const(offset, span), pointer, span))

    if isinstance(found.type, layout.Address):
        word = context_fields.WORD
        start = found.offset
        return context_fields.whole_address(b, name, found.type, lambda by: at(start + by, word), span)
    return memory.read(b, Place(at(found.offset, found.type), found.type, span.text, span), span)


def lower_with(b: Builder, item: tree.WithItem, body: Callable[[], None]) -> bool:
    """`with sk_lookup_tcp(…) as socket:`, `with ports[key] as socket:`; False if the item is no such thing."""
    find = _finder(b, item.value)
    if find is None:
        return False
    span = item.span
    if not isinstance(item.target, tree.Name):
        found = item.value.span.text
        b.error(kfunc_errors.KfuncNeedsWith(span, found, f"{found} as socket"))
    held = find()
    b.check(b.present(held, span), Fault.NULL_POINTER, item.value.span)
    b.surely_there.add(held)
    hold(b, item.target.id, held, lambda: _give_back(b, held, span), body)
    return True


def _give_back(b: Builder, held: ops.Value, span: Span) -> None:
    b.call(RELEASE, (held,), I64, span)


def _finder(b: Builder, node: tree.Expression) -> Callable[[], ops.Value] | None:
    """How the socket is found; None for what finds none."""
    if isinstance(node, tree.Call) and isinstance(node.function, tree.Name):
        called = expressions.evaluate(b, node.function)
        value = called.value if isinstance(called, Static) else None
        if isinstance(value, KernelHelper) and value.name in LOOKUPS:
            return lambda: helpers.made(b, value.name, node)
    if isinstance(node, tree.Subscript) and isinstance(node.value, tree.Name):
        base = expressions.evaluate(b, node.value)
        if isinstance(base, Static) and isinstance(base.value, Map) and base.value.kind in MAPS:
            return lambda: _in_map(b, base, node)
    return None


def _in_map(b: Builder, base: Static, node: tree.Subscript) -> ops.Value:
    map, span = maps.ref(b, base), node.span
    release = helper_by_name(RELEASE)
    assert release is not None
    if not release.allows(b.hook.program_type, b.hook.attach_type):
        hooks = decorators(hook for hook in HOOKS if release.allows(hook.program_type, hook.attach_type))
        b.error(map_errors.NoSuchOperation(span, f"a {map.kind}", "with", f"{' or '.join(hooks)} can take sockets out"))
    key = maps.key_address(b, map, expressions.evaluate(b, node.index), node.index.span)
    return b.call("map_lookup_elem", (queues.address(b, map, span), key), KernelType(SOCKET), span)
