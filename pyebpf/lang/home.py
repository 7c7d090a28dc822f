"""Where a declaration is made: its module's namespace, which says what it is called."""

from __future__ import annotations

import sys
from typing import Any


def declaring_scope() -> dict[str, Any]:
    """The namespace of the module that is making a declaration."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == "pyebpf":
        frame = frame.f_back
    return frame.f_globals
