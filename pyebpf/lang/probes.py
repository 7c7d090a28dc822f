"""Decorators: each turns a function into a Probe, which remembers its hook and compiles nothing."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from types import FunctionType
from typing import Any

from pyebpf.kernel import hooks
from pyebpf.kernel.hooks import Hook
from pyebpf.lang.errors import DeclarationError


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
        if not isinstance(sleepable, bool):
            raise DeclarationError(f"sleepable of @{name} is True or False, not {sleepable!r}")
        if sleepable and not self.hook.sleepable:
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
        low, high = self.hook.result
        if isinstance(on_fault, bool) or not isinstance(on_fault, int) or not low <= on_fault <= high:
            raise DeclarationError(f"on_fault of @{self.hook.name} is a result from {low} to {high}, not {on_fault!r}")
        return int(on_fault)


class _Family:
    """Hooks under one name."""

    name = ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = [word for word in dir(type(self)) if not word.startswith("_") and word != "name"]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5) or known
        raise DeclarationError(f"there is no hook @{self.name}.{name}", f"@{self.name}.{near[0]}")


class _CgroupSkb(_Family):
    name = "cgroup.skb"
    ingress = HookDecorator(hooks.CGROUP_SKB_INGRESS)
    egress = HookDecorator(hooks.CGROUP_SKB_EGRESS)


class _Cgroup(_Family):
    """Hooks of a cgroup v2 directory."""

    name = "cgroup"
    skb = _CgroupSkb()


tracepoint = HookDecorator(hooks.TRACEPOINT)
raw_tracepoint = HookDecorator(hooks.RAW_TRACEPOINT)
tp_btf = HookDecorator(hooks.TP_BTF)
fentry = HookDecorator(hooks.FENTRY)
fexit = HookDecorator(hooks.FEXIT)
fmod_ret = HookDecorator(hooks.FMOD_RET)
lsm = HookDecorator(hooks.LSM)
lsm_cgroup = HookDecorator(hooks.LSM_CGROUP)
iterator = HookDecorator(hooks.ITERATOR)
kprobe = HookDecorator(hooks.KPROBE)
kretprobe = HookDecorator(hooks.KRETPROBE)
ksyscall = HookDecorator(hooks.KSYSCALL)
kretsyscall = HookDecorator(hooks.KRETSYSCALL)
syscall = HookDecorator(hooks.SYSCALL)
xdp = HookDecorator(hooks.XDP)
cgroup = _Cgroup()
socket_filter = HookDecorator(hooks.SOCKET_FILTER)
