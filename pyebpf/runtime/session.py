"""A session: an object in the kernel, attached, with its maps and events as Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from pyebpf.clocks import Clock
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.maps import EVENTS, MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.loader.attach import Link, attach_program, is_attached, needs_place, struct_ops
from pyebpf.loader.attach.link import Links
from pyebpf.loader.attach.order import BPF_F_AFTER, BPF_F_BEFORE, FIRST_COME, Order
from pyebpf.loader.errors import LoadError
from pyebpf.loader.load import LoadedMap, LoadedObject, first_contents, load_object
from pyebpf.loader.pinned_maps import ROOT
from pyebpf.loader.sys import Descriptor
from pyebpf.loader.token import token_of
from pyebpf.loader.verifier.fetch import Tell
from pyebpf.loader.verifier.save import LogFile
from pyebpf.metadata import MapInfo
from pyebpf.object.specs import Object, tail_targets
from pyebpf.pictures.frames import Resolver
from pyebpf.runtime import events, stack_counts, user_ring
from pyebpf.runtime.entries import KernelEntries
from pyebpf.runtime.faults import read_faults
from pyebpf.runtime.nested import MapsView
from pyebpf.runtime.programs import Program, ProgramStats, enable_stats, memory_of
from pyebpf.runtime.ring import Ring
from pyebpf.runtime.storage import OWNERS, StorageView
from pyebpf.runtime.tables import ProgArrayView
from pyebpf.runtime.variables import ArenaView, VariableView
from pyebpf.runtime.waiting import Several
from pyebpf.views.choice import EntriesView, view_of
from pyebpf.views.faults import FaultCount
from pyebpf.views.maps import ArrayView
from pyebpf.views.prints import Prints
from pyebpf.views.rings import RingBufView
from pyebpf.views.stacks import StackTraceView, Unresolved
from pyebpf.views.together import Together
from pyebpf.views.user_rings import UserRingView

if TYPE_CHECKING:
    from pyebpf.symbols import Symbols

OWN: Final = ("__pyebpf_", "__bpf_usdt_")
"""How the names of maps begin that were made for the purposes of compilers and loaders."""
MapView: TypeAlias = EntriesView | RingBufView


def open_session(
    obj: Object,
    *,
    config: Mapping[str, object] | None = None,
    btf: Btf | None = None,
    attach: bool = True,
    where: Mapping[str, object] | None = None,
    pin: Path | None = None,
    fresh: Collection[str] = (),
    pin_root: Path = ROOT,
    token: str | os.PathLike[str] | bool | None = None,
    verifier_log: Path | None = None,
) -> Session:
    """Load `obj`, and attach every program of it unless `attach` is False. Raises LoadError, VerifierError.

    Programs that others go on with (those in a ProgArray) are attached only where `where` names them.

    `where` names the place of programs that need one, by program; it may be given without naming a program's
    hook. What was loaded or attached by the time of an error is undone. `pin` is a folder where the session is kept,
    and from which it is taken over if it is there: all maps but those in `fresh`, and the links. `pin_root` is where
    maps are that ask to be pinned by their names. `token`: see `loader.token.token_of`. `verifier_log` is a file for
    what the verifier says of each program; OSError if it can't be written.
    """
    places = dict(where or {})
    structs = {spec.name: spec.operations for spec in obj.maps if spec.operations is not None}
    names = [program.name for program in obj.programs]
    for name in places:
        if name not in names and name not in structs:
            raise LoadError(f"there is no program {name}; there are {', '.join(names) or 'none'}", "target")
    if structs and pin is not None:
        raise LoadError("a session with structs of operations can't be kept in a folder", "object")
    names = [
        *(p.name for p in obj.programs if p.program_type != ProgramType.STRUCT_OPS if p.autoload or p.name in places),
        *(name for name, operations in structs.items() if operations.autoload or name in places),
    ]
    called = tail_targets(obj)
    run = {program.name for program in obj.programs if not is_attached(program)}
    wanted = [name for name in names if name not in called | run or name in places] if attach else []
    with nullcontext() if verifier_log is None else LogFile(verifier_log) as tell:
        if pin is not None and os.path.lexists(pin):
            return _taken_over(obj, pin, config or {}, btf, places, wanted, fresh, pin_root, token, tell)
        held = token_of(token)
        loaded = load_object(obj, config=config, btf=btf, where=places, pin_root=pin_root, token=held, tell=tell)
    session = Session(loaded)
    try:
        missing = [
            name
            for name in wanted
            if name not in structs and needs_place(session.programs[name].loaded) and name not in places
        ]
        for name in missing:
            attach_program(session.programs[name].loaded)  # raises, saying what is missing
        for name in wanted:
            session.attach(name, places.get(name))
        if pin is not None:
            session.pin(pin)
    except BaseException:
        session.close()
        raise
    return session


def _taken_over(
    obj: Object,
    folder: Path,
    config: Mapping[str, object],
    btf: Btf | None,
    places: Mapping[str, object],
    wanted: Collection[str],
    fresh: Collection[str],
    pin_root: Path,
    token: str | os.PathLike[str] | bool | None,
    tell: Tell | None,
) -> Session:
    """`obj` in the place of what is pinned in `folder`."""
    from pyebpf.runtime import handover

    contents = first_contents(obj, config)
    kept = handover.Kept(folder)
    with ExitStack() as failed:
        failed.callback(kept.close)
        present = handover.present_maps(kept, obj, contents, fresh)
        held = token_of(token)
        loaded = load_object(
            obj, config=config, btf=btf, present=present, where=places, pin_root=pin_root, token=held, tell=tell
        )
        failed.callback(loaded.close)
        handover.carry_over(kept, loaded)

        def attach(name: str) -> Link:
            return attach_program(loaded.programs[name], places.get(name), loaded.maps)

        with handover.switched(kept, loaded, attach, wanted) as links:
            handover.keep(folder, loaded, links)
        session = Session(loaded, links)
        failed.pop_all()
    for name, replaced in kept.maps.items():
        if name not in present:
            replaced.descriptor.close()
    return session


def adopt_session(folder: Path) -> Session:
    """What is pinned in `folder`, as it is. Raises LoadError."""
    from pyebpf.runtime import handover

    kept = handover.Kept(folder)
    try:
        return Session(handover.same_object(kept), list(kept.links.values()))
    except BaseException:
        kept.close()
        raise


@final
class Session:
    """What `pyebpf.load` gives: a context manager; at its end everything that isn't pinned is detached and freed.

    A child of fork(2) has all of it as well, and ends it for itself alone. See `Link` for what stays attached for it.
    """

    def __init__(self, loaded: LoadedObject, links: Iterable[Link] = ()) -> None:
        self._loaded = loaded
        self._links = list(links)
        self._callbacks: list[Callable[[], None]] = []
        self._stats: Descriptor | None = None
        self.object = loaded.spec
        self.clock = Clock()
        """Times of events as times of day."""
        self.closed = False
        self._symbols: Symbols | None = None
        metadata = loaded.spec.metadata
        infos = dict(metadata.maps)
        self.programs = {name: Program(program) for name, program in loaded.programs.items()}
        self.variables: dict[str, VariableView] = {
            info.name: (ArenaView if info.kind == "Arena" else VariableView)(loaded, info)
            for info in metadata.variables
        }
        self.maps: dict[str, Any] = {}
        """Views of the maps by name: HashView, ArrayView, HistogramView, RingBufView."""
        self.prints = Prints(metadata.prints, None, lambda: 0)
        try:
            self._symbols = stack_counts.symbols_for(loaded)
            for name, found in loaded.maps.items():
                if found.spec.initial is not None:
                    continue
                if name == metadata.prints_map:
                    self.prints = events.prints_of(loaded, found)
                    continue
                if name.startswith(OWN):
                    continue
                info = infos.get(name)
                if found.spec.type == MapType.PROG_ARRAY:
                    self.maps[name] = ProgArrayView(found, self.programs)
                    continue
                if found.spec.type in OWNERS:
                    self.maps[name] = StorageView(found)
                    continue
                if found.spec.type == MapType.USER_RINGBUF:
                    self.maps[name] = user_ring.view_of(found)
                    continue
                if found.spec.inner is not None:
                    self.maps[name] = MapsView(found, _inner_view, loaded.token)
                    continue
                if info is not None and info.stacks is not None:
                    stacks = stack_counts.view_of(loaded, found, info, _names(self._symbols))
                    self.maps |= {name: stacks} if stacks is not None else {}
                    continue
                view = events.view_of(loaded, found, info) if found.spec.type in EVENTS else _view(found, info)
                if isinstance(view, StackTraceView):
                    view.resolver = _names(self._symbols)
                if view is not None:
                    self.maps[name] = view
        except BaseException:
            self.close()
            raise

    @property
    def symbols(self) -> Symbols:
        """Names of addresses: `session.symbols.kernel(event.stack)`, `session.symbols.user(event.pid, event.stack)`. Of
        processes that are gone it knows those that it has met, or all after `session.symbols.follow()`; with maps of
        user stacks that is done when the session begins."""
        self._check_open()
        if self._symbols is None:
            from pyebpf.symbols import Symbols

            self._symbols = Symbols()
        return self._symbols

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the session is closed")

    @property
    def links(self) -> Links:
        """What is attached; by number, or by the program's name."""
        return Links(link for link in self._links if link.attached)

    def attach(
        self,
        program: str | Program,
        where: object = None,
        *,
        pid: int | None = None,
        before: Program | int | bool = False,
        after: Program | int | bool = False,
    ) -> Link:
        """Attach a program; `where` names the interface, cgroup directory or socket for hooks that need one, what an
        iterator goes through (a map, `pre:/sys/fs/cgroup/…`, `pid:1`), and another place than the decorator's for
        probes of programs, which can also be of one process, `pid`. A struct of operations is registered by the name
        of its variable.

        `before` or `after` another program (of this session or of any other, or by its id), or all (True), where
        hooks have an order: those of tc, from Linux 6.6 on, and of netkit. A program comes after those that are
        there, if neither is given.
        """
        self._check_open()
        name = program if isinstance(program, str) else program.name
        if name in self._loaded.operations:
            link = struct_ops.attach(self._loaded.maps[name], self._loaded.operations[name])
            self._links.append(link)
            return link
        if name not in self.programs:
            raise LoadError(f"there is no program {name}; there are {', '.join(self.programs)}", "target")
        if not isinstance(program, str) and program is not self.programs[name]:
            raise LoadError(f"program {name} is one of another session", "target")
        where = next((known for known, view in self.maps.items() if view is where), where)
        order = _order(before, after)
        link = attach_program(self.programs[name].loaded, where, self._loaded.maps, pid, order)
        self._links.append(link)
        return link

    def pin(self, folder: str | os.PathLike[str]) -> None:
        """Keep all of it in a folder of a bpf file system (/sys/fs/bpf), whose parent is there: maps, programs and
        links stay in the kernel, and attached, when this session and its process are gone. `pyebpf.load(…, pin=folder)`
        and `pyebpf.adopt(folder)` take them over. Once more, it brings the folder to the present state. Raises
        LoadError, also where something is attached that the kernel can't keep (programs on sockets)."""
        from pyebpf.runtime import handover

        self._check_open()
        if any(view.kind == "Arena" for view in self.variables.values()):
            raise LoadError("a session with an Arena can't be kept in a folder", "object")
        handover.keep(Path(os.path.abspath(folder)), self._loaded, list(self.links))

    def unpin(self, folder: str | os.PathLike[str]) -> None:
        """Remove such a folder: what it kept is this session's alone again, and goes with it. Raises LoadError."""
        from pyebpf.loader import folders

        self._check_open()
        place = Path(os.path.abspath(folder))
        folders.read_kept(place)
        folders.remove_folder(place)
        for link in self._links:
            if link.pinned is not None and place in link.pinned.parents:
                link.pinned = None

    @property
    def faults(self) -> tuple[FaultCount, ...]:
        """Places that have faulted, with counts."""
        self._check_open()
        return read_faults(self._loaded)

    @property
    def stats(self) -> dict[str, ProgramStats]:
        """The kernel's numbers by program. Runs are counted and timed from the first time that this is asked."""
        self._check_open()
        if self._stats is None:
            self._stats = enable_stats()
        return {name: program.stats for name, program in self.programs.items()}

    @property
    def memory(self) -> dict[str, int]:
        """Bytes that each map takes in the kernel: exact from Linux 6.4 on, before that what it was made for."""
        self._check_open()
        return {name: memory_of(self._loaded.maps[name].fd) for name in self.maps}

    def events(self, timeout: float | None = None) -> Together:
        """Events of all rings and perf buffers in one loop, each with its ring's name: `for name, event in
        session.events():`, and `async for`. It ends when the session closes, or when for `timeout` seconds nothing has
        come; 0: with what is there by now. What is printed isn't among them: `session.prints`."""
        self._check_open()
        return Together({n: v for n, v in self.maps.items() if isinstance(v, RingBufView)}, timeout, Several)

    @contextmanager
    def without_threads(self) -> Iterator[None]:
        """The session has no thread of its own meanwhile."""
        symbols = self._symbols
        if symbols is not None:
            symbols.pause()
        try:
            yield
        finally:
            if symbols is not None:
                symbols.resume()

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the session closes."""
        self._callbacks.append(callback)

    def close(self) -> None:
        """Detach and free everything; nothing happens the second time."""
        if self.closed:
            return
        self.closed = True
        with ExitStack() as last:  # from the bottom up, and each of them whatever the others raise
            last.callback(self._loaded.close)
            if self._symbols is not None:
                last.callback(self._symbols.close)
            if self._stats is not None:
                last.callback(self._stats.close)
            if self.prints.ring is not None:
                last.callback(self.prints.ring.close)
            for view in self.maps.values():
                if isinstance(view, RingBufView):
                    last.callback(view.ring.close)
                if isinstance(view, MapsView):
                    last.callback(view.close)
                if isinstance(view, UserRingView):
                    last.callback(view.room.close)
                if isinstance(view, ArrayView):
                    last.callback(view.release)
            for callback in reversed(self._callbacks):
                last.callback(callback)
            for link in reversed(self._links):
                last.callback(link.close)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "closed", True):
            self.close()

    def _repr_html_(self) -> str:
        from pyebpf.runtime.notebook import session_html

        return session_html(self)

    def __repr__(self) -> str:
        state = "closed" if self.closed else ", ".join(map(repr, self.links)) or "not attached"
        return f"<Session of {', '.join(self.programs)}: {state}>"


def _order(before: Program | int | bool, after: Program | int | bool) -> Order:
    """Raises ValueError for both."""
    if before is False and after is False:
        return FIRST_COME
    if before is not False and after is not False:
        raise ValueError("a program is attached before others or after them, not both")
    other = after if before is False else before
    if not isinstance(other, Program | int):
        raise TypeError(f"programs are ordered by programs, their ids, or True for all; not by {other!r}")
    number = 0 if other is True else other.id if isinstance(other, Program) else int(other)
    return Order(BPF_F_BEFORE if after is False else BPF_F_AFTER, number)


def _names(symbols: Symbols | None) -> Callable[[], Resolver]:
    """What gives the resolver, without holding the session."""
    return Unresolved if symbols is None else lambda: symbols


def _inner_view(loaded: LoadedMap) -> MapView | None:
    """The collection that suits a map in a map of maps."""
    return _view(loaded, None)


def _view(loaded: LoadedMap, info: MapInfo | None) -> MapView | None:
    """The collection that suits a map; None for kinds that user space doesn't read. `info`: of pyebpf's own objects."""
    spec = loaded.spec
    if spec.type == MapType.RINGBUF:
        return RingBufView(spec.name, spec.kind, spec.value, Ring(loaded), lambda: 0)
    return view_of(KernelEntries(loaded), info.unit if info else "", info.steps if info else None)
