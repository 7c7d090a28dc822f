"""The CPUs of this machine."""

from __future__ import annotations

from functools import cache

POSSIBLE = "/sys/devices/system/cpu/possible"
ONLINE = "/sys/devices/system/cpu/online"


@cache
def possible_cpus() -> int:
    """How many values a per-CPU map keeps: one for each CPU that this machine could ever have."""
    with open(POSSIBLE) as file:
        return count_cpus(file.read())


def count_cpus(text: str) -> int:
    """How many CPUs a list like `0-3,8` has. Numbers may be left out; per-CPU values follow without gaps."""
    ranges = [part.partition("-") for part in text.strip().split(",")]
    return sum(int(last or first) - int(first) + 1 for first, _, last in ranges)


def online_text() -> str:
    """The CPUs that are online now, as the kernel lists them."""
    with open(ONLINE) as file:
        return file.read().strip()


def online_cpus() -> list[int]:
    """The numbers of the CPUs that are online now."""
    return listed_cpus(online_text())


def listed_cpus(text: str) -> list[int]:
    """The numbers in a list like `0-3,8`."""
    ranges = [part.partition("-") for part in text.strip().split(",") if part]
    return [cpu for first, _, last in ranges for cpu in range(int(first), int(last or first) + 1)]
