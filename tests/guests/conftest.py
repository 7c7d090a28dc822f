"""Virtual machines take minutes: only `pytest -m guest` starts them."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "guest" in (config.getoption("-m") or ""):
        return
    guests = [item for item in items if item.get_closest_marker("guest")]
    config.hook.pytest_deselected(items=guests)
    items[:] = [item for item in items if not item.get_closest_marker("guest")]
