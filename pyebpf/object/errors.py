"""What is raised when bytes that should be a BPF object are not one."""

from __future__ import annotations

from pyebpf.diagnostics.base import Error


class ObjectError(Error):
    """The bytes are no BPF object that pyebpf can read; the text names what is wrong with them."""
