"""Decorators: each turns a function into a Probe, which remembers its hook and compiles nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pyebpf.kernel import hooks
from pyebpf.kernel.hooks import Hook
from pyebpf.lang.errors import DeclarationError
from pyebpf.nearest import get_close_matches

if TYPE_CHECKING:
    from pyebpf.lang.struct_ops import StructOps


class HelperFunction:
    """A function shared by probes (`@function`). Called from Python it is the function itself."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)


class Probe:
    """A decorated function: what to compile, and where it attaches."""

    def __init__(self, function: FunctionType, hook: Hook, argument: str, on_fault: int | None) -> None:
        self.function = function
        self.hook = hook
        self.argument = argument
        self.on_fault = on_fault
        self.operations: StructOps | None = None
        """The struct that it is an operation of."""
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__

    def __setattr__(self, name: str, value: object) -> None:
        """As for functions. Raises TypeError, and ValueError for what can't be the name of a program either."""
        if name == "__name__" and not isinstance(value, str):
            raise TypeError("__name__ must be set to a string")
        if name == "__name__" and not str(value).isidentifier() and value != self.function.__name__:
            raise ValueError(f"{value!r} can't be the name of a probe")
        super().__setattr__(name, value)

    def __call__(self, *_: Any) -> Any:
        raise RuntimeError(f"probe {self.__name__} runs in the kernel: load it with pyebpf.load({self.__name__})")

    def __repr__(self) -> str:
        return f"<pyebpf probe {self.__name__} on {self.hook.name}{' ' + self.argument if self.argument else ''}>"


def function(target: Any) -> HelperFunction:
    """Make a helper function that probes can call; it is compiled into each caller, for the types it is called with."""
    return HelperFunction(_plain_function(target, "function"))


def _plain_function(target: Any, decorator: str) -> FunctionType:
    if isinstance(target, Probe):
        raise DeclarationError(
            f"{target.__name__} already has a hook", "write one function per hook, and share @function helpers"
        )
    if isinstance(target, HelperFunction):
        raise DeclarationError(f"{target.__name__} is a @function, which takes no hook")
    if not isinstance(target, FunctionType):
        what = "a class" if isinstance(target, type) else type(target).__name__
        raise DeclarationError(f"@{decorator} decorates a function, not {what}")
    return target


class HookDecorator:
    """`@tracepoint("category:name")`, or bare as `@xdp`; `on_fault` sets the result after a fault, `sleepable` has the
    kernel run the program where it may wait."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.__doc__ = f"Attach the decorated function as a {hook.name} program. Linux {hook.since[0]}.{hook.since[1]}."

    def __call__(self, target: Any = None, /, *, on_fault: Any = None, sleepable: bool = False) -> Any:
        name = self.hook.name
        if self._falls_asleep(sleepable):
            return HookDecorator(self._sleeping(target))(target, on_fault=on_fault)
        if isinstance(target, str) and not self.hook.takes:
            where = f"; --attach NAME=WHERE says the {self.hook.where}" if self.hook.where else ""
            raise DeclarationError(f"@{name} takes no name{where}", f"@{name}")
        if self.hook.takes and not isinstance(target, str):
            raise DeclarationError(f"@{name} needs to know where to attach", f'@{name}("{self.hook.takes}")')
        if on_fault is not None:
            on_fault = self._result(on_fault)
        if isinstance(target, str):
            return self._waiting(target, on_fault)
        return self._waiting("", on_fault) if target is None else self._probe(target, "", on_fault)

    def _waiting(self, argument: str, on_fault: int | None) -> Callable[[Any], Probe]:
        return lambda inner: self._probe(inner, argument, on_fault)

    def _probe(self, target: Any, argument: str, on_fault: int | None) -> Probe:
        return Probe(_plain_function(target, self.hook.name), self.hook, argument, on_fault)

    def _falls_asleep(self, sleepable: object) -> bool:
        """Whether another hook is meant than this one: the same for programs that may sleep."""
        if not isinstance(sleepable, bool):
            raise DeclarationError(f"sleepable of @{self.hook.name} is True or False, not {sleepable!r}")
        return sleepable and not self.hook.sleepable

    def _sleeping(self, target: Any) -> Hook:
        if self.hook.sleeps is None:
            able = ", ".join(f"@{hook.name}" for hook in hooks.HOOKS if hook.sleeps is not None)
            argument = f'"{target}"' if isinstance(target, str) else ""
            raise DeclarationError(
                f"@{self.hook.name} is where nothing may sleep, and so its programs may not; those of {able} may",
                f"@{self.hook.name}({argument})" if argument else f"@{self.hook.name}",
            )
        return hooks.sleeping(self.hook)

    def _result(self, on_fault: Any) -> int:
        if isinstance(on_fault, bool) or not isinstance(on_fault, int) or not self.hook.takes_result(on_fault):
            low, high = self.hook.result
            expected = self.hook.actions() if self.hook.only else f"a result from {low} to {high}"
            raise DeclarationError(f"on_fault of @{self.hook.name} is {expected}, not {on_fault!r}")
        return int(on_fault)


class PlaceDecorator(HookDecorator):
    """`@uprobe("libc", "malloc")`: a file, and what is in it. Bare, the place is named when it is attached."""

    def __call__(self, *place: Any, on_fault: Any = None, sleepable: bool = False) -> Any:
        if self._falls_asleep(sleepable):
            return PlaceDecorator(self._sleeping(None))(*place, on_fault=on_fault)
        if on_fault is not None:
            on_fault = self._result(on_fault)
        if not place:
            return self._waiting("", on_fault)
        if len(place) == 1 and not isinstance(place[0], str | os.PathLike):
            return self._probe(place[0], "", on_fault)
        return self._waiting(self._place(place), on_fault)

    def _place(self, place: tuple[Any, ...]) -> str:
        file, _, what = self.hook.takes.partition(":")
        help = f'@{self.hook.name}("{file}", "{what}")'
        if len(place) != 2 or not isinstance(place[0], str | os.PathLike):
            raise DeclarationError(f"@{self.hook.name} names a file and {self._what()} in it", help)
        path, target = os.fsdecode(place[0]), place[1]
        if isinstance(target, int) and not isinstance(target, bool) and 0 <= target < 1 << 64:
            target = hex(target)
        if not isinstance(target, str) or target.count(":") != what.count(":") or not all(target.split(":")):
            raise DeclarationError(f"@{self.hook.name} names {self._what()}, not {target!r:.80}", help)
        if not path or "\0" in path + target:
            raise DeclarationError(f"@{self.hook.name}: {path!r:.80} is no file's name", help)
        return f"{path}:{target}"

    def _what(self) -> str:
        return "a marker (PROVIDER:NAME)" if self.hook.context is hooks.ContextKind.USDT else "a function"


class _WithOthers(HookDecorator):
    """A hook, and others of its kind as its attributes."""

    def __init__(self, hook: Hook, **others: Hook) -> None:
        super().__init__(hook)
        self._others = {name: self._other(other) for name, other in others.items()}

    def _other(self, hook: Hook) -> HookDecorator:
        return HookDecorator(hook)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._others:
            near = get_close_matches(name, self._others, n=1, cutoff=0.5) or list(self._others)
            raise DeclarationError(f"there is no hook @{self.hook.name}.{name}", f"@{self.hook.name}.{near[0]}")
        return self._others[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._others})


class KprobeDecorator(_WithOthers):
    """`@kprobe("tcp_sendmsg")` and the other probes of its kind: `@kprobe.multi("tcp_*")`."""


class UprobeDecorator(_WithOthers, PlaceDecorator):
    """`@uprobe("libc", "malloc")` and the other probes of its kind: `@uprobe.multi("libc", "pthread_*")`."""

    def _other(self, hook: Hook) -> HookDecorator:
        return PlaceDecorator(hook)


class _Freplace(HookDecorator):
    """`@freplace("filter", xdp)`: the function `filter` of an @xdp program, or the program of that name."""

    def __call__(self, target: Any = None, of: Any = None, /, *, on_fault: Any = None, sleepable: bool = False) -> Any:
        help = '@freplace("filter", xdp)'
        if not isinstance(target, str) or not target:
            raise DeclarationError("@freplace names the function that is replaced", help)
        if not isinstance(of, HookDecorator) or not hooks.has_context(of.hook):
            what = "@freplace says of which hook's programs the function is, and these have a packet or fields"
            raise DeclarationError(what, help)
        if self._falls_asleep(sleepable):
            raise DeclarationError("programs in the place of others can't be made so that they may sleep", help)
        return HookDecorator(hooks.replacing(of.hook))(target, on_fault=on_fault)


class _Xdp(HookDecorator):
    """`@xdp`; `@xdp.frags` for packets in several pieces; `@xdp.devmap`, `@xdp.cpumap` for programs in maps."""

    frags = HookDecorator(hooks.XDP_FRAGS)
    devmap = HookDecorator(hooks.XDP_DEVMAP)
    cpumap = HookDecorator(hooks.XDP_CPUMAP)


class _SkSkb(HookDecorator):
    """`@sk_skb`; `@sk_skb.parser` says where messages end, `@sk_skb.verdict` is for sockets of all kinds."""

    parser = HookDecorator(hooks.SK_SKB_PARSER)
    verdict = HookDecorator(hooks.SK_SKB_VERDICT)


class _Family:
    """Hooks under one name."""

    name = ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = [word for word in dir(type(self)) if not word.startswith("_") and word != "name"]
        near = get_close_matches(name, known, n=1, cutoff=0.5) or known
        raise DeclarationError(f"there is no hook @{self.name}.{name}", f"@{self.name}.{near[0]}")


class _Tc(_Family):
    """Packets of an interface, in the network stack."""

    name = "tc"
    ingress = HookDecorator(hooks.TC_INGRESS)
    egress = HookDecorator(hooks.TC_EGRESS)


class _Netkit(_Family):
    """Packets between the ends of a netkit pair."""

    name = "netkit"
    primary = HookDecorator(hooks.NETKIT_PRIMARY)
    peer = HookDecorator(hooks.NETKIT_PEER)


class _Lwt(_Family):
    """Packets that go by a route."""

    name = "lwt"
    input = HookDecorator(hooks.LWT_INPUT)
    output = HookDecorator(hooks.LWT_OUTPUT)
    xmit = HookDecorator(hooks.LWT_XMIT)
    seg6local = HookDecorator(hooks.LWT_SEG6LOCAL)


class _CgroupSkb(_Family):
    name = "cgroup.skb"
    ingress = HookDecorator(hooks.CGROUP_SKB_INGRESS)
    egress = HookDecorator(hooks.CGROUP_SKB_EGRESS)


class _Cgroup(_Family):
    """Hooks of a cgroup v2 directory."""

    name = "cgroup"
    skb = _CgroupSkb()


for _hook in hooks.CGROUP_HOOKS:
    if _hook.name.startswith("cgroup."):
        setattr(_Cgroup, _hook.name.removeprefix("cgroup."), HookDecorator(_hook))


tracepoint = HookDecorator(hooks.TRACEPOINT)
raw_tracepoint = HookDecorator(hooks.RAW_TRACEPOINT)
tp_btf = HookDecorator(hooks.TP_BTF)
fentry = HookDecorator(hooks.FENTRY)
fexit = HookDecorator(hooks.FEXIT)
freplace = _Freplace(hooks.FREPLACE)
fmod_ret = HookDecorator(hooks.FMOD_RET)
lsm = HookDecorator(hooks.LSM)
lsm_cgroup = HookDecorator(hooks.LSM_CGROUP)
iterator = HookDecorator(hooks.ITERATOR)
kprobe = KprobeDecorator(hooks.KPROBE, multi=hooks.KPROBE_MULTI, session=hooks.KPROBE_SESSION)
kretprobe = KprobeDecorator(hooks.KRETPROBE, multi=hooks.KRETPROBE_MULTI)
ksyscall = HookDecorator(hooks.KSYSCALL)
kretsyscall = HookDecorator(hooks.KRETSYSCALL)
syscall = HookDecorator(hooks.SYSCALL)
uprobe = UprobeDecorator(hooks.UPROBE, multi=hooks.UPROBE_MULTI, session=hooks.UPROBE_SESSION)
uretprobe = UprobeDecorator(hooks.URETPROBE, multi=hooks.URETPROBE_MULTI)
usdt = PlaceDecorator(hooks.USDT)
xdp = _Xdp(hooks.XDP)
tc = _Tc()
lwt = _Lwt()
netkit = _Netkit()
cgroup = _Cgroup()
flow_dissector = HookDecorator(hooks.FLOW_DISSECTOR)
socket_filter = HookDecorator(hooks.SOCKET_FILTER)
sockops = HookDecorator(hooks.SOCKOPS)
sk_lookup = HookDecorator(hooks.SK_LOOKUP)
sk_msg = HookDecorator(hooks.SK_MSG)
sk_skb = _SkSkb(hooks.SK_SKB)
sk_reuseport = HookDecorator(hooks.SK_REUSEPORT)
