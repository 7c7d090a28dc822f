"""`@perf_event("page-faults", period=1)` and `@profile(hz=99)`: programs that perf events run."""

from __future__ import annotations

from typing import Any, Final

from pyebpf.kernel import hooks
from pyebpf.kernel.perf_events import BadEvent, Sampling, event_of, sampling_of
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.probes import HookDecorator

CLOCK: Final = "cpu-clock"
"""What profiles are made by: every machine has it."""
HZ: Final = 99
"""Not 100, so as not to run in step with what happens a hundred times a second."""


class PerfEventDecorator(HookDecorator):
    """`@perf_event("cycles", hz=99)`. Bare, the event is named when it is attached."""

    def __call__(
        self,
        event: Any = None,
        /,
        *,
        period: Any = None,
        hz: Any = None,
        on_fault: Any = None,
        sleepable: bool = False,
    ) -> Any:
        if self._falls_asleep(sleepable):
            self._sleeping(None)  # raises: nothing may sleep here
        if on_fault is not None:
            on_fault = self._result(on_fault)
        if isinstance(event, str):
            return self._waiting(str(_sampling(event, period, hz)), on_fault)
        if period is not None or hz is not None:
            raise DeclarationError("@perf_event needs an event", '@perf_event("cpu-clock", hz=99)')
        return self._waiting("", on_fault) if event is None else self._probe(event, "", on_fault)


class ProfileDecorator(HookDecorator):
    """`@profile(hz=99)`: on every CPU, so many times a second, whatever runs there."""

    def __call__(self, target: Any = None, /, *, hz: Any = HZ, on_fault: Any = None, sleepable: bool = False) -> Any:
        if self._falls_asleep(sleepable):
            self._sleeping(None)
        if isinstance(target, str):
            raise DeclarationError("@profile takes no event", f'@perf_event("{target}", hz=99)')
        if on_fault is not None:
            on_fault = self._result(on_fault)
        argument = str(_sampling(CLOCK, None, hz))
        return self._waiting(argument, on_fault) if target is None else self._probe(target, argument, on_fault)


def _sampling(event: str, period: Any, hz: Any) -> Sampling:
    for word, number in (("period", period), ("hz", hz)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise DeclarationError(
                f"{word} of a perf event is a number from 1 on, not {number!r:.60}", f"{word}={1 if period else HZ}"
            )
    try:
        return sampling_of(event, period or 0, hz or 0)
    except BadEvent as error:
        often = "" if not error.near or event_of(error.near).period else f", hz={HZ}"
        help = f'@perf_event("{error.near}"{often})' if error.near else ""
        raise DeclarationError(str(error), help) from None


perf_event = PerfEventDecorator(hooks.PERF_EVENT)
profile = ProfileDecorator(hooks.PERF_EVENT)
