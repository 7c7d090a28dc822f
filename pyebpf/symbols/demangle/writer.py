"""What demangled names are written to: as much text and work as a name may take, and no more."""

from __future__ import annotations

from typing import Final, Protocol, final

LONGEST: Final = 16_384
"""Characters of a name. Of 700,000 in large programs the longest has 10,000."""
MOST_STEPS: Final = 10_000
"""Parts that are written for one name, even if nothing is in them. Of those names the most have 2,400."""
DEEPEST: Final = 160
"""Parts in parts."""


class Mangled(Exception):
    """A name isn't mangled as it should be, or comes to too much."""


class Node(Protocol):
    """A part of a name. A declarator such as that of `int (*)[3]` has text on either side of what it declares."""

    def left(self, out: Writer) -> None:
        """Write it, or what stands before the declared."""

    def right(self, out: Writer) -> None:
        """Write what stands behind it."""

    def is_function(self, out: Writer) -> bool:
        """Whether its declared must be put in parentheses, as it's a function."""

    def is_array(self, out: Writer) -> bool:
        """The same of arrays."""


@final
class Writer:
    """Text that grows by parts. Names share parts, so that few letters can stand for very much."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = self._steps = self._depth = 0
        self.element: int | None = None
        """Which of a pack's elements is written, where it is expanded."""
        self.arguments: tuple[Node, ...] = ()
        """What the function whose parameters are written is given as a template."""
        self.in_lambda = False
        """Whether it is a lambda's own parameters that are written."""
        self.elements: int | None = None
        """How many of them there are, when the first is written."""

    def add(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._size += len(text)
            if self._size > LONGEST:
                raise Mangled

    @property
    def last(self) -> str:
        """The last character."""
        return self._parts[-1][-1] if self._parts else ""

    def mark(self) -> int:
        return len(self._parts)

    def cut(self, mark: int) -> None:
        """Take back what came after the mark."""
        self._size -= sum(map(len, self._parts[mark:]))
        del self._parts[mark:]

    def put(self, mark: int, text: str) -> None:
        """Text where the mark is."""
        if text:
            self._parts.insert(mark, text)
            self._size += len(text)

    def text(self) -> str:
        return "".join(self._parts)

    def enter(self) -> None:
        """One part more, in those that were entered and not left."""
        self._steps += 1
        self._depth += 1
        if self._depth > DEEPEST or self._steps > MOST_STEPS:
            raise Mangled

    def leave(self) -> None:
        self._depth -= 1

    def left(self, node: Node) -> None:
        self.enter()
        node.left(self)
        self._depth -= 1

    def right(self, node: Node) -> None:
        self.enter()
        node.right(self)
        self._depth -= 1

    def show(self, node: Node) -> None:
        """All of it."""
        self.enter()
        node.left(self)
        node.right(self)
        self._depth -= 1

    def listed(self, nodes: tuple[Node, ...]) -> None:
        """With commas, and none for what turns out to be empty."""
        first = True
        for node in nodes:
            before = len(self._parts)
            if not first:
                self.add(", ")
            after = len(self._parts)
            self.show(node)
            if len(self._parts) == after:
                self.cut(before)
            else:
                first = False
