"""What a malformed object raises."""

from pyebpf.diagnostics.base import ObjectError

__all__ = ["ObjectError"]
