"""What `pyebpf run` shows while it runs: events as they come, and with `--interval` the maps, again and again."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from pyebpf.cli.panel import Panel, Ticks

if TYPE_CHECKING:
    from pyebpf.cli.files import Files
    from pyebpf.cli.intervals import Intervals
    from pyebpf.runtime.session import Session

LONGEST_WAIT: Final = 3600.0  # epoll takes milliseconds in an int
ENDS: Final = (signal.SIGINT, signal.SIGTERM)


class Watch:
    """Shows what comes until the time is over or a signal comes."""

    def __init__(self, session: Session, as_json: bool, interval: float | None, files: Files) -> None:
        from pyebpf.cli.columns import Columns
        from pyebpf.layout import Struct
        from pyebpf.views.rings import RingBufView

        self.session = session
        self.as_json = as_json
        self.rings = {name: view for name, view in session.maps.items() if isinstance(view, RingBufView)}
        self.columns = {n: Columns(ring.type) for n, ring in self.rings.items() if isinstance(ring.type, Struct)}
        # With several rings each line begins with its ring's name, as their events come mixed.
        width = max(map(len, self.rings), default=0)
        self.label = {name: f"{name:<{width}}  " if len(self.rings) > 1 else "" for name in self.rings}
        self.headed: set[str] = set()
        self.interval = interval
        self.files = files
        self.intervals: Intervals | None = None
        self.panel: Panel | None = None
        if interval is not None:
            from pyebpf.cli.intervals import Intervals

            self.intervals = Intervals(session, interval)
            if sys.stdout.isatty() and not as_json:
                self.panel = Panel()

    def run(self, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        heard = ENDS if self.panel is None else (*ENDS, signal.SIGWINCH, signal.SIGTSTP)
        before = {number: signal.signal(number, lambda *_: None) for number in heard}
        signal.set_wakeup_fd(write)
        try:
            iterators = self.read()
            ends = iterators and iterators == len(self.session.links)
            if not ends and not self.follow(read, deadline) and sys.stderr.isatty() and self.panel is None:
                click.echo(err=True)  # the terminal has shown "^C"
            for link in self.session.links:
                link.close()  # what is pinned stays attached
            self.drain()
            if self.panel is not None:
                self.panel.close()
            self.files.write(self.intervals.history if self.intervals is not None else {})
            self.finish()
        finally:
            if self.panel is not None:
                self.panel.close()
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read)
            os.close(write)

    def read(self) -> int:
        """Run each iterator once, and show what it writes; how many there are."""
        from pyebpf.views.values import text

        found = [link for link in self.session.links if link.readable]
        for link in found:
            written = link.read().decode("utf-8", "backslashreplace")
            if self.as_json:
                self.json({"iterator": link.program, "text": written})
            else:
                print("".join(f"{text(line)}\n" for line in written.splitlines()), end="")
        return len(found)

    def follow(self, stop: int, deadline: float | None) -> bool:
        """Show events until the deadline (True), or until a signal comes, seen on the descriptor `stop`."""
        with select.epoll() as poll:
            poll.register(stop, select.EPOLLIN)
            for ring in self.rings.values():
                poll.register(ring.fileno(), select.EPOLLIN)
            if self.session.prints.ring is not None:
                poll.register(self.session.prints.ring.fileno(), select.EPOLLIN)
            ticks = Ticks(self.interval)
            while True:
                left = min(ticks.left(), LONGEST_WAIT, *([] if deadline is None else [deadline - time.monotonic()]))
                if deadline is not None and deadline <= time.monotonic():
                    return True
                ready = poll.poll(max(left, 0))
                if any(number == stop for number, _ in ready) and self.heard(os.read(stop, 64)):
                    return False
                self.drain()
                if ticks.left() <= 0:
                    with ticks:
                        self.tick()

    def heard(self, numbers: bytes) -> bool:
        """What signals ask for; whether it is to end."""
        if self.panel is not None and not set(numbers) & set(ENDS):
            self.panel.resized()
            if signal.SIGTSTP in numbers:
                self.panel.close()
                os.kill(os.getpid(), signal.SIGSTOP)
            self.show_panel()
        return bool(set(numbers) & set(ENDS))

    def tick(self) -> None:
        """An interval is over."""
        assert self.intervals is not None
        self.intervals.take()
        if self.as_json:
            self.json(self.intervals.to_json())
        elif self.panel is not None:
            self.show_panel()
        else:
            print(self.intervals.text())
        sys.stdout.flush()
        self.files.write(self.intervals.history)

    def show_panel(self) -> None:
        if self.panel is not None and self.intervals is not None:
            self.panel.draw(self.intervals.lines(*self.panel.size()))

    def drain(self) -> None:
        """Show everything that is in the rings, above the maps."""
        found = {name: ring.poll(0) for name, ring in self.rings.items()}
        lines = self.session.prints.poll(0)
        if self.panel is not None and (lines or any(found.values())):
            self.panel.clear()
        for name, events in found.items():
            for event in events:
                self.event(name, event)
        for line in lines:
            self.line(line)
        if self.panel is not None:
            self.panel.again()
        sys.stdout.flush()

    def event(self, name: str, event: Any) -> None:
        from pyebpf.views.values import plain, text

        if self.as_json:
            self.json({"map": name, "event": plain(event)})
            return
        columns = self.columns.get(name)
        label = self.label[name]
        if columns is None or isinstance(event, bytes):
            print(label + text(event))
            return
        if name not in self.headed:
            print(label + columns.header())
            self.headed.add(name)
        print(label + columns.row(event))

    def line(self, line: str) -> None:
        from pyebpf.views.values import text

        if self.as_json:
            self.json({"print": line})
        else:
            print(text(line))

    def json(self, document: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")

    def finish(self) -> None:
        from pyebpf.cli import summary

        if self.as_json:
            self.json(summary.to_json(self.session))
            sys.stdout.flush()
            return
        summary.show(self.session)
