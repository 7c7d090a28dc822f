"""One source through the whole front end: what comes out must be nothing, or diagnostics."""

from __future__ import annotations

import gc
import linecache
import re
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pyebpf import CompileError, compiler
from pyebpf.plan import Plan

SECONDS_PER_KILOBYTE: Final = 1.0
"""Of processor time. A source of less than a kilobyte may take as long."""
FORBIDDEN: Final = ("os.", "shutil.", "subprocess.", "socket.", "ctypes.", "urllib.", "signal.", "pty.", "mmap.")
"""Python's names of events (sys.addaudithook) that a module of probes may not cause while it is imported."""
HARMLESS: Final = ("os.listdir", "os.scandir", "os.walk")


class TooSlow(BaseException):
    """Not an Exception, so that nothing takes it for its own."""


class Forbidden(BaseException):
    """The mutated module itself wanted to do something that has nothing to do with compiling."""


def attempt(text: str, path: Path, limit: float | None = None) -> tuple[str, str]:
    """`("ok", "")`, `("diagnostics", codes)`, `("python", …)` where the module's own code goes wrong, or a finding."""
    data = text.encode("utf-8", "surrogatepass")
    limit = limit or max(len(data) / 1024, 1.0) * SECONDS_PER_KILOBYTE
    path.write_bytes(data)
    linecache.clearcache()
    _ring_after(limit)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                compiler._checks(compiler.resolve(path), None, None, lambda found: None)(Plan())
            except CompileError as error:
                codes = " ".join(sorted({diagnostic.code for diagnostic in error.diagnostics}))
                return "diagnostics", codes if str(error) else "nothing shown"
        return "ok", ""
    except TooSlow as error:
        return ("python", "endless") if _is_own(error, path) else ("slow", _where(error))
    except Forbidden:
        return "python", "forbidden"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return type(error).__name__, f"{_where(error)}: {str(error)[:300]}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _ring_after(seconds: float) -> None:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.05)


def _is_own(error: BaseException, path: Path) -> bool:
    """Whether the time went into code of the module itself, which Python runs."""
    return any(frame.filename == str(path) for frame in traceback.extract_tb(error.__traceback__))


def _where(error: BaseException) -> str:
    """The innermost of pyebpf's own lines that were running: by it findings are told apart."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/pyebpf/" in frame.filename]
    if not frames:
        return "?"
    place = frames[-1]
    return f"{place.filename[place.filename.rindex('/pyebpf/') + 1 :]}:{place.name}"


def signature(kind: str, detail: str) -> str:
    """What two findings have in common that are the same."""
    return f"{kind} {re.sub(r'(?<=: ).*', '', detail.partition(chr(10))[0])}"


def guard() -> None:
    """Keep the modules that are run from doing anything but declaring."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            writes = isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            if not writes or "/mutated" in str(arguments[0]):
                return
        elif not event.startswith(FORBIDDEN) or event in HARMLESS or event == "signal.":
            return
        frame = sys._getframe(1)
        while frame is not None:
            if "mutated" in frame.f_code.co_filename:
                raise Forbidden(event)
            frame = frame.f_back  # type: ignore[assignment]

    sys.addaudithook(watch)


def tidy() -> None:
    """Between two sources."""
    for name in [name for name in sys.modules if name.startswith("pyebpf_probe_")]:
        del sys.modules[name]
    gc.collect()


def timed(text: str, path: Path) -> tuple[tuple[str, str], float]:
    """As `attempt`, with the seconds of processor time that it took."""
    start = time.process_time()
    found = attempt(text, path)
    return found, time.process_time() - start
