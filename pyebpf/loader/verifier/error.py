"""The error that is raised for a refused program, and how it is shown."""

from __future__ import annotations

import re
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING

from pyebpf.loader.errors import LoadError
from pyebpf.loader.verifier.log import complaint, last_instruction
from pyebpf.object.specs import LineRecord

if TYPE_CHECKING:
    from pyebpf.loader.verifier.refusal import Refusal


class VerifierError(LoadError):
    """The kernel's verifier refused a program. `log` has all that it said, `refusal` what was made of it."""

    def __init__(
        self,
        program: str,
        log: str,
        lines: tuple[tuple[int, LineRecord], ...] = (),
        missing: str = "",
        cut: bool = False,
    ) -> None:
        self.program = program
        self.missing = missing
        """What the program needs and this kernel doesn't have, if that is why."""
        self.log = log
        self.cut = cut
        """Whether there was no memory for all of the log."""
        self._lines = lines
        self.complaint = (complaint(log) or ("",))[-1]
        """The verifier's last words."""
        super().__init__(self.complaint, "object")

    @cached_property
    def refusal(self) -> Refusal:
        """The complaint in plain words, the refused instruction, and what led to it."""
        from pyebpf.loader.verifier.refusal import refusal

        return refusal(self.log, self._lines)

    @property
    def instruction(self) -> str:
        """The instruction that the verifier came to last, as the log has it, or ""."""
        return last_instruction(self.log)

    @property
    def _line(self) -> LineRecord | None:
        return self.refusal.at.line if self.refusal.at is not None else None

    @property
    def file(self) -> str:
        """Where it is in the program's source, with the next three; "" and 0 if nothing says it."""
        return self._line.file if self._line is not None else ""

    @property
    def line(self) -> int:
        return self._line.line if self._line is not None else 0

    @property
    def column(self) -> int:
        return self._line.column if self._line is not None else 0

    @property
    def source_line(self) -> str:
        return self._line.text if self._line is not None else ""

    @property
    def span_text(self) -> str:
        """`file:line:column` of the line responsible, or ""."""
        column = f":{self.column}" if self.column else ""
        return f"{self.file}:{self.line}{column}" if self.line else ""

    def save_log(self, path: str | PathLike[str]) -> None:
        """Write the whole log into a file, which only its owner can read. What is there is overwritten; a symbolic
        link isn't followed. Raises OSError."""
        from pyebpf.loader.verifier.save import create

        with open(create(path), "w", encoding="utf-8", errors="replace") as file:
            file.write(self.log)

    def __str__(self) -> str:
        return self.render()

    def render(self, *, color: bool = False) -> str:
        """The message, for terminals with colours."""
        from pyebpf.loader.verifier.render import render

        return render(self, color)


def refused_at(log: str, helper: int) -> int | None:
    """The instruction that the verifier came to last, if it is a call of `helper`, which doesn't exist."""
    match = re.match(rf"^(\d+): \(85\) call [a-z_]+#{helper}\b", last_instruction(log))
    return int(match[1]) if match else None
