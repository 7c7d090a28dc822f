"""Stub while the rest is written."""

from __future__ import annotations

from pyebpf.ir.module import Module


def validate(module: Module) -> None:
    """Raise InternalError for IR that isn't well-formed."""
