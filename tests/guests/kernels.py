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

    Raises LookupError where no suite has it, CalledProcessError where a tool fails.
    """
    if version not in SUITES:
        raise LookupError(f"no suite is known to have Linux {version}, only {', '.join(SUITES)}")
    folder = cache / version
    if not (folder / "complete").exists():
        _fetch(version, folder, _apt(SUITES[version], cache / "apt" / version))
        found = _found(folder)
        subprocess.run(["depmod", "-b", found.modules, found.release], check=True)
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
    }
    return [f"-o{key}={value}" for key, value in settings.items()]


def _fetch(version: str, folder: Path, options: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    command = ["apt-cache", *options, "pkgnames", "linux-"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    pattern = re.compile(rf"linux-(?:image|binary)-({re.escape(version)}\b.*cloud-amd64)")
    found = {match[1] for name in names if (match := pattern.fullmatch(name))}
    if not found:
        raise LookupError(f"{SUITES[version]} has no Linux {version}")
    newest = max(found, key=lambda release: [int(part) for part in re.findall(r"\d+", release)])
    # Newer kernels come in two packages, and the one named after the image has nothing in it.
    parts = ("binary", "modules") if f"linux-modules-{newest}" in names else ("image",)
    for name in (f"linux-{part}-{newest}" for part in parts):
        subprocess.run(["apt-get", *options, "-qq", "download", name], check=True, cwd=folder)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        package.unlink()
