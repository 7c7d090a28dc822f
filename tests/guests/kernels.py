"""Debian's kernels for a virtual machine: fetched, checked by apt, and unpacked into a folder of the user's choice.

apt is run with lists and a cache of its own: nothing is installed, and the machine's configuration isn't touched.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

MIRROR: Final = os.environ.get("PYEBPF_DEBIAN_MIRROR", "http://deb.debian.org")
SUITES: Final[dict[str, str]] = {
    "5.10": "debian-security bullseye-security",
    "6.1": "debian-security bookworm-security",
    "6.12": "debian bookworm-backports",
    "6.18": "debian trixie-backports",
    "7.3": "debian trixie-backports",
}
"""Archive and suite that has the kernel as a cloud image: small, quick to start, with BTF."""

CPUS: Final[dict[str, str]] = {"6.18": "max", "7.3": "max"}
"""QEMU's -cpu. With cmpxchg16b kernels since 6.18 have `kmalloc_nolock`, from which 7.3 takes timers and storage, and
without it they are out of memory. But QEMU 7.2 leaves rubbish in the flags behind that instruction, of which 6.12 dies:
older kernels, which can do without, don't get it."""
WITHOUT: Final = "max,cx16=off"


class Unavailable(Exception):
    """A kernel can't be fetched; says from where, and what apt says."""


@final
@dataclass(frozen=True)
class Unpacked:
    """A kernel on disk."""

    image: Path
    modules: Path
    """The folder below which `lib/modules` is."""
    release: str
    """As `uname -r` says."""


def unpacked(version: str, cache: Path) -> Unpacked:
    """The newest kernel of `version` ("5.10"), fetched unless the cache has it.

    Raises LookupError for other versions than those of SUITES, Unavailable where it can't be fetched.
    """
    if version not in SUITES:
        raise LookupError(f"no suite is known to have Linux {version}, only {', '.join(SUITES)}")
    folder = cache / version
    if not (folder / "complete").exists():
        _fetch(version, folder, _apt(SUITES[version], cache / "apt" / version))
        found = _found(folder)
        _run(version, ["depmod", "-b", str(found.modules), found.release])
        (folder / "complete").touch()
    return _found(folder)


def _found(folder: Path) -> Unpacked:
    """What the packages have put into `folder`."""
    image = next(path for path in sorted(folder.rglob("vmlinuz*")) if path.is_file())
    modules = next(path for path in sorted(folder.rglob("lib/modules/*")) if path.is_dir())
    return Unpacked(image, modules.parents[2], modules.name)


def _apt(suite: str, folder: Path) -> list[str]:
    """Options that keep apt inside `folder`."""
    archive, name = suite.split()
    for part in ("lists/partial", "archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb {MIRROR}/{archive} {name} main\n")
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder,
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Retries": "3",
        "APT::Update::Error-Mode": "any",  # else it's content with nothing
    }
    return [f"-o{key}={value}" for key, value in settings.items()]


def _run(version: str, command: list[str], folder: Path | None = None) -> str:
    """What a tool says. Raises Unavailable."""
    what = f"Linux {version} can't be had from {MIRROR} ({SUITES[version]}): {' '.join(command[:1] + command[-2:])}"
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    except FileNotFoundError:
        raise Unavailable(f"{what}: {command[0]} isn't installed") from None
    if done.returncode:
        raise Unavailable(f"{what}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _fetch(version: str, folder: Path, options: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _run(version, ["apt-get", *options, "-qq", "update"])
    names = _run(version, ["apt-cache", *options, "pkgnames", "linux-"]).split()
    pattern = re.compile(rf"linux-(?:image|binary)-({re.escape(version)}\b.*cloud-amd64)")
    found = {match[1] for name in names if (match := pattern.fullmatch(name))}
    if not found:
        raise Unavailable(f"{MIRROR} ({SUITES[version]}) has no Linux {version}")
    newest = max(found, key=lambda release: [int(part) for part in re.findall(r"\d+", release)])
    # Newer kernels come in two packages, and the one named after the image has nothing in it.
    parts = ("binary", "modules") if f"linux-modules-{newest}" in names else ("image",)
    for name in (f"linux-{part}-{newest}" for part in parts):
        _run(version, ["apt-get", *options, "-qq", "download", name], folder)
    for package in folder.glob("*.deb"):
        _run(version, ["dpkg-deb", "-x", str(package), str(folder)])
        package.unlink()
