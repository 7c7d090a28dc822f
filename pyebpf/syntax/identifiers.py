"""Names as Python compares them."""

from __future__ import annotations

import unicodedata


def identifier(token: object) -> str:
    """A name as Python compares names: compatible characters are the same."""
    name = str(token)
    return name if name.isascii() else unicodedata.normalize("NFKC", name)
