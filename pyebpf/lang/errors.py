"""What a wrong declaration raises, at the user's own line, when Python runs the module."""

from __future__ import annotations

from pyebpf.diagnostics.base import Error


class DeclarationError(Error, TypeError):
    """A map, struct, variable or decorator was declared wrongly. `help` is what to write instead, or ""."""

    def __init__(self, message: str, help: str = "", field: str = "") -> None:
        self.message = message
        self.help = help
        self.field = field
        """The field of a struct that is wrong, if it is one."""
        super().__init__(f"{message}; {help}" if help else message)
