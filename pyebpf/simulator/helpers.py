"""The kernel's helpers, as one table: name → function of the run and the helper's arguments.

What a helper writes and answers is what the kernel's own does; text that ends early leaves the bytes behind its end
as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EBUSY, EFAULT, EINVAL, ENOENT
from sys import byteorder
from typing import TYPE_CHECKING, Final, TypeAlias

from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import ops
from pyebpf.ir.types import NONE, KernelType
from pyebpf.kernel.kfuncs import WORK_QUEUES, is_release, iterator_of, pair_by_name
from pyebpf.kernel.kptrs import KEEPERS
from pyebpf.kernel.maps import MapType
from pyebpf.simulator import dynptrs, iterators, stacks
from pyebpf.simulator.addresses import NOTHING, Space
from pyebpf.simulator.errors import SimulationError
from pyebpf.simulator.memory import Handle, Memory, Named, Pointer, Timer, Word
from pyebpf.simulator.queues import Queue
from pyebpf.simulator.strtox import strtol, strtoul

if TYPE_CHECKING:
    from pyebpf.simulator.run import Run

Helper: TypeAlias = Callable[..., Word]
STORAGE_CREATE: Final = 1
"""BPF_LOCAL_STORAGE_GET_F_CREATE."""
MOST_TAIL_CALLS: Final = 33
"""MAX_TAIL_CALL_CNT: in a row."""
U64: Final = (1 << 64) - 1


class TailCall(Exception):
    """The program ends, and another one, of the given name, takes its place."""


def call(run: Run, name: str, arguments: list[Word]) -> Word:
    """The helper's result: by the test's own answer, else as the table says. Raises SimulationError for others."""
    given = run.surroundings.helpers.get(name)
    if given is not None:
        return _given(name, given, arguments)
    helper = HELPERS.get(name)
    if helper is None:
        raise SimulationError(
            f"the program calls {name}, which the simulator doesn't know: give its result, "
            f'simulate({run.program.name}, helpers={{"{name}": lambda *arguments: 0}})'
        )
    return helper(run, *arguments)


def kfunc(run: Run, op: ops.KfuncCall, arguments: list[Word]) -> Word:
    """A kfunc's result, by the test's own answer: of a kernel struct a dict of its members, or None. What only gives
    back, or begins what isn't seen, does nothing."""
    name = op.kfunc.name
    if iterator_of(name):
        return iterators.call(run, op, arguments)
    given = run.surroundings.helpers.get(name)
    if given is None and name in {keeper.acquire for keeper in KEEPERS}:
        return arguments[0]
    if given is None and name in WORK_QUEUES:
        return _work_queue(run, name, arguments)
    if given is None and (is_release(name) or (op.type == NONE and pair_by_name(name) is not None)):
        return 0
    if given is None or not isinstance(op.type, KernelType):
        return call(run, name, arguments)
    return run.state.addresses.kernel_object(op.type.struct, given(*arguments), name)


def _given(name: str, given: Callable[..., object], arguments: list[Word]) -> Word:
    result = given(*arguments)
    if not isinstance(result, int):
        raise SimulationError(f"helpers[{name!r}] gives {result!r}, not an integer")
    return int(result) & U64


def _ktime_get_ns(run: Run) -> Word:
    return run.surroundings.now


def _ktime_get_boot_ns(run: Run) -> Word:
    around = run.surroundings
    return around.now if around.boot is None else around.boot


def _get_current_pid_tgid(run: Run) -> Word:
    around = run.surroundings
    return around.pid << 32 | (around.pid if around.tid is None else around.tid)


def _get_current_uid_gid(run: Run) -> Word:
    return run.surroundings.gid << 32 | run.surroundings.uid


def _get_current_comm(run: Run, target: Pointer, size: int) -> Word:
    name = run.surroundings.comm.encode("utf-8", "surrogateescape")[: min(size, 16) - 1]
    target.write(name.ljust(size, b"\0"))
    return 0


def _get_smp_processor_id(run: Run) -> Word:
    return run.surroundings.cpu


def _cgroup_id(run: Run, *_: Word) -> Word:
    return run.surroundings.cgroup_id


def _get_prandom_u32(run: Run) -> Word:
    return run.surroundings.random() & 0xFFFF_FFFF


def _get_current_task(run: Run) -> Word:
    task = run.surroundings.current_task
    return run.state.addresses.kernel_object("task_struct", NOTHING if task is None else task, "current_task")


def _probe_read(space: Space) -> Helper:
    def read(run: Run, target: Pointer, size: int, source: Word) -> Word:
        data = source.read(size) if isinstance(source, Pointer) else _memory(run, space, source, size)
        target.write(bytes(size) if data is None else data)
        return -EFAULT if data is None else 0

    return read


def _memory(run: Run, space: Space, address: Word, size: int) -> bytes | None:
    return run.state.addresses.read(space, _plain(address), size)


def _probe_read_str(space: Space) -> Helper:
    def read(run: Run, target: Pointer, size: int, source: Word) -> Word:
        text = _pointed(source, size) if isinstance(source, Pointer) else _text(run, space, source, size)
        if text is None:
            target.write(bytes(size))
            return -EFAULT
        target.write(text)
        return len(text)

    return read


def _text(run: Run, space: Space, address: Word, size: int) -> bytes | None:
    return run.state.addresses.read_text(space, _plain(address), size)


def _plain(address: Word) -> int:
    """An address as a number; null is 0."""
    if isinstance(address, int):
        return address
    if address is not None:
        raise InternalError(f"a helper is given {address} as an address")
    return 0


def _pointed(source: Pointer, size: int) -> bytes:
    """Text in memory that the program could read itself, cut off as the helper does."""
    memory, offset = source
    end = memory.data.find(0, offset, offset + size)
    if end >= 0:
        return memory.read(offset, end + 1 - offset)
    return memory.read(offset, min(size - 1, len(memory.data) - offset)) + b"\0"


def _skb_load_bytes(run: Run, _: Pointer, offset: int, target: Pointer, size: int) -> Word:
    packet = run.packet
    if packet is None:
        raise InternalError("skb_load_bytes without a packet")
    if offset > 0xFFFF or offset + size > len(packet.data):
        target.write(bytes(size))
        return -EFAULT
    target.write(packet.read(offset, size))
    return 0


def _xdp_load_bytes(run: Run, _: Pointer, offset: int, target: Pointer, size: int) -> Word:
    packet = run.packet
    if packet is None:
        raise InternalError("xdp_load_bytes without a packet")
    if error := _xdp_error(packet, offset, size):
        return error
    target.write(packet.read(offset, size))
    return 0


def _xdp_store_bytes(run: Run, _: Pointer, offset: int, source: Pointer, size: int) -> Word:
    packet = run.packet
    if packet is None:
        raise InternalError("xdp_store_bytes without a packet")
    if error := _xdp_error(packet, offset, size):
        return error
    packet.write(offset, source.read(size))
    return 0


def _xdp_error(packet: Memory, offset: int, size: int) -> int:
    """Why these bytes of the packet can't be had; 0 if they can."""
    if offset > 0xFFFF:
        return -EFAULT
    return -EINVAL if offset + size > len(packet.data) else 0


def _xdp_get_buff_len(run: Run, _: Pointer) -> Word:
    assert run.packet is not None
    return len(run.packet.data)


def _parsed(parse: Callable[[bytes, int], tuple[int, int]]) -> Helper:
    """`strtol` and `strtoul`: the number is written only where there is one."""

    def read(run: Run, text: Pointer, size: int, flags: int, result: Pointer) -> Word:
        consumed, value = parse(text.read(size), flags)
        if consumed >= 0:
            result.write((value & U64).to_bytes(8, byteorder))
        return consumed

    return read


def _queue(run: Run, map: Handle) -> Queue:
    return map.held if isinstance(map.held, Queue) else run.state.queues[map.map]


def _map_push_elem(run: Run, map: Handle, value: Pointer, flags: int) -> Word:
    queue = _queue(run, map)
    return queue.push(value.read(queue.size), flags)


def _map_pop_elem(run: Run, map: Handle, target: Pointer) -> Word:
    queue = _queue(run, map)
    return _taken(queue.pop(), target, queue.size)


def _map_peek_elem(run: Run, map: Handle, target: Pointer) -> Word:
    queue = _queue(run, map)
    if map.map.type == MapType.BLOOM_FILTER:  # which is asked for the value that it is given
        return queue.has(target.read(queue.size))
    return _taken(queue.peek(), target, queue.size)


def _taken(value: bytes | None, target: Pointer, size: int) -> Word:
    target.write(bytes(size) if value is None else value)
    return -ENOENT if value is None else 0


def _spin_lock(run: Run, lock: Pointer) -> Word:
    if run.lock is not None:
        raise InternalError("the program takes a lock while it holds one")
    run.lock = lock
    return 0


def _spin_unlock(run: Run, lock: Pointer) -> Word:
    if run.lock != lock:
        raise InternalError("the program gives back a lock that it doesn't hold")
    run.lock = None
    return 0


def _tail_call(run: Run, _: Pointer, map: Handle, index: int) -> Word:
    name = run.state.jumps[map.map].get(index & 0xFFFF_FFFF)
    if name is None or run.tail_calls >= MOST_TAIL_CALLS:
        return -ENOENT
    raise TailCall(name)


def _task(run: Run, _: Word) -> int:
    return run.surroundings.pid if run.surroundings.tid is None else run.surroundings.tid


def _socket(run: Run, _: Word) -> int:
    return run.surroundings.socket


def _cgroup(run: Run, _: Word) -> int:
    return run.surroundings.cgroup_id


def _inode(_: Run, inode: Word) -> int:
    assert isinstance(inode, int)
    return inode


def _storage_get(whose: Callable[[Run, Word], int]) -> Helper:
    """Of tasks, sockets and cgroups programs can name one only, that of the run; of inodes any, by its address."""

    def get(run: Run, map: Handle, on: Word, first: Word, flags: int) -> Word:
        storage, owner = run.state.storages[map.map], whose(run, on)
        found = storage.values.get(owner)
        if found is None and flags & STORAGE_CREATE:
            size = storage.type.size
            found = storage.put(owner, first.read(size) if isinstance(first, Pointer) else bytes(size))
        return Pointer(found, 0) if found is not None else None

    return get


def _storage_delete(whose: Callable[[Run, Word], int]) -> Helper:
    def delete(run: Run, map: Handle, on: Word) -> Word:
        return 0 if run.state.storages[map.map].values.pop(whose(run, on), None) is not None else -ENOENT

    return delete


def _sk_fullsock(_: Run, socket: Word) -> Word:
    return socket


def _timer_init(run: Run, timer: Pointer, _: Handle, __: int) -> Word:
    if timer.memory.timer is not None:
        return -EBUSY
    timer.memory.timer = Timer()
    return 0


def _timer_set_callback(run: Run, place: Pointer, callback: Named) -> Word:
    timer = place.memory.timer
    if timer is None:
        return -EINVAL
    timer.callback = callback.callback
    return 0


def _timer_start(run: Run, place: Pointer, nanoseconds: int, _: int) -> Word:
    timer = place.memory.timer
    if timer is None or not timer.callback:
        return -EINVAL
    run.state.timers_started += 1
    timer.due, timer.number = run.surroundings.now + nanoseconds, run.state.timers_started
    return 0


def _timer_cancel(run: Run, place: Pointer) -> Word:
    timer = place.memory.timer
    if timer is None:
        return -EINVAL
    running, timer.due = timer.due is not None, None
    return int(running)


def _work_queue(run: Run, name: str, arguments: list[Word]) -> Word:
    """Its callback is called as soon as the clock moves: nothing else runs while the test waits."""
    place = arguments[0]
    if not isinstance(place, Pointer):
        raise InternalError(f"{name} is given {place!r}")
    if name == WORK_QUEUES[0]:
        if place.memory.work is not None:
            return -EBUSY
        place.memory.work = Timer()
        return 0
    work = place.memory.work
    if work is None:
        return -EINVAL
    if isinstance(arguments[1], Named):
        work.callback = arguments[1].callback
    elif work.due is None:
        run.state.timers_started += 1
        work.due, work.number = run.surroundings.now, run.state.timers_started
    return 0


def _kptr_xchg(run: Run, place: Pointer, new: int | None) -> Word:
    old, address = int.from_bytes(place.read(8), byteorder), new or 0
    place.write(address.to_bytes(8, byteorder))
    run.state.addresses.keep(address)
    return old


HELPERS: Final[dict[str, Helper]] = {
    "get_current_task_btf": _get_current_task,
    "task_storage_get": _storage_get(_task),
    "task_storage_delete": _storage_delete(_task),
    "sk_storage_get": _storage_get(_socket),
    "sk_storage_delete": _storage_delete(_socket),
    "sk_fullsock": _sk_fullsock,
    "cgrp_storage_get": _storage_get(_cgroup),
    "cgrp_storage_delete": _storage_delete(_cgroup),
    "inode_storage_get": _storage_get(_inode),
    "inode_storage_delete": _storage_delete(_inode),
    "spin_lock": _spin_lock,
    "spin_unlock": _spin_unlock,
    "timer_init": _timer_init,
    "kptr_xchg": _kptr_xchg,
    "timer_set_callback": _timer_set_callback,
    "timer_start": _timer_start,
    "timer_cancel": _timer_cancel,
    "tail_call": _tail_call,
    "map_push_elem": _map_push_elem,
    "map_pop_elem": _map_pop_elem,
    "map_peek_elem": _map_peek_elem,
    "ktime_get_ns": _ktime_get_ns,
    "ktime_get_boot_ns": _ktime_get_boot_ns,
    "get_current_pid_tgid": _get_current_pid_tgid,
    "get_current_uid_gid": _get_current_uid_gid,
    "get_current_comm": _get_current_comm,
    "get_smp_processor_id": _get_smp_processor_id,
    "get_current_cgroup_id": _cgroup_id,
    "skb_cgroup_id": _cgroup_id,
    "get_prandom_u32": _get_prandom_u32,
    "get_current_task": _get_current_task,
    "get_attach_cookie": lambda *_: 0,
    "probe_read": _probe_read("kernel"),
    "probe_read_kernel": _probe_read("kernel"),
    "probe_read_user": _probe_read("user"),
    "copy_from_user": _probe_read("user"),
    "probe_read_kernel_str": _probe_read_str("kernel"),
    "probe_read_user_str": _probe_read_str("user"),
    "skb_load_bytes": _skb_load_bytes,
    "xdp_load_bytes": _xdp_load_bytes,
    "xdp_store_bytes": _xdp_store_bytes,
    "xdp_get_buff_len": _xdp_get_buff_len,
    **dynptrs.TABLE,
    **stacks.TABLE,
    "strtol": _parsed(strtol),
    "strtoul": _parsed(strtoul),
}
