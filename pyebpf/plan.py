"""What may be done about a program that is much for the kernel's verifier."""

from __future__ import annotations

from typing import final

from pyebpf.records import dataclass


@final
@dataclass(frozen=True)
class Plan:
    """What is done about a program that is much for the kernel's verifier."""

    limit: int | None = None
    """Estimated instructions up to which loops stay loops; None: as many as is comfortable."""
    meeting: bool = False
    """Whether its ways are made to meet wherever the program's do."""
