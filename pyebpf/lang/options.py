"""What declarations of maps are given in their parentheses."""

from __future__ import annotations

from collections.abc import Mapping

from pyebpf.lang.errors import DeclarationError


def the_option(
    kind: str, word: str, arguments: tuple[object, ...], options: Mapping[str, object], example: str
) -> object:
    """What `word=` is given in the declaration of a map that takes this and nothing else. Raises DeclarationError."""
    if arguments:
        raise DeclarationError(f"{kind} takes keyword arguments only", example)
    unknown = [name for name in options if name != word]
    if unknown:
        raise DeclarationError(f"{kind} has no option {unknown[0]!r}", example)
    if word not in options:
        raise DeclarationError(f"{kind} needs {word}", example)
    return options[word]
