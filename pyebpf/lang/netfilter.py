"""`@netfilter(pf="ipv4", hook="local_in", priority=-100)`: where packets are filtered."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Final

from pyebpf.kernel import hooks
from pyebpf.kernel.hooks.netfilter import FAMILIES, LEAST, MOST, PLACES
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.probes import HookDecorator

HELP: Final = '@netfilter(pf="ipv4", hook="local_in", priority=0)'


class NetfilterDecorator(HookDecorator):
    """Bare, the place is named when it is attached."""

    def __call__(
        self,
        target: Any = None,
        /,
        *,
        pf: Any = None,
        hook: Any = None,
        priority: Any = 0,
        on_fault: Any = None,
        sleepable: bool = False,
    ) -> Any:
        if pf is None and hook is None and isinstance(priority, int) and not priority:
            return super().__call__(target, on_fault=on_fault, sleepable=sleepable)
        if self._falls_asleep(sleepable):
            self._sleeping(None)  # raises: nothing may sleep here
        if target is not None:
            raise DeclarationError("@netfilter says where by its keywords", HELP)
        family, place = _one_of(pf, FAMILIES, "pf"), _one_of(hook, PLACES, "hook")
        if isinstance(priority, bool) or not isinstance(priority, int) or not LEAST <= priority <= MOST:
            raise DeclarationError(
                f"priority of @netfilter is a number from {LEAST} to {MOST}, not {priority!r:.60}", HELP
            )
        return self._waiting(f"{family}:{place}:{priority}", None if on_fault is None else self._result(on_fault))


def _one_of(given: Any, known: Iterable[str], word: str) -> str:
    if isinstance(given, str) and given in known:
        return given
    near = difflib.get_close_matches(str(given), list(known), n=1, cutoff=0.5)
    help = HELP if not near else f'{word}="{near[0]}"'
    what = "needs" if given is None else f"is {given!r:.60}, and can be"
    raise DeclarationError(f"{word} of @netfilter {what} one of {', '.join(known)}", help)


netfilter = NetfilterDecorator(hooks.NETFILTER)
