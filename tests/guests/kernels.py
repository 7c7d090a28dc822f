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

FOREIGN: Final[dict[str, str]] = {
    "6.1-arm64": "debian-security bookworm-security",
    "6.12-s390x": "debian trixie",  # big-endian; the first in Debian that has BTF there
}
"""The same of other machines. They share no files with the host: `foreign.py` packs what they need."""

WITHOUT_JIT: Final = ("6.12-s390x",)
"""Kernels that interpret programs: these can't call kfuncs, and have no callbacks (loops as functions, timers)."""

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
    known = SUITES | FOREIGN
    if version not in known:
        raise LookupError(f"no suite is known to have Linux {version}, only {', '.join(known)}")
    folder = cache / version
    if not (folder / "complete").exists():
        number, _, architecture = version.partition("-")
        options = apt(known[version], cache / "apt" / version, architecture or "amd64")
        _fetch(version, number, folder, options, _FLAVOURS[architecture or "amd64"])
        found = _found(folder)
        _run(version, ["depmod", "-b", str(found.modules), found.release])
        (folder / "complete").touch()
    return _found(folder)


_FLAVOURS: Final = {"amd64": "cloud-amd64", "arm64": "cloud-arm64", "s390x": "s390x"}


def _found(folder: Path) -> Unpacked:
    """What the packages have put into `folder`."""
    image = next(path for path in sorted(folder.rglob("vmlinuz*")) if path.is_file())
    modules = next(path for path in sorted(folder.rglob("lib/modules/*")) if path.is_dir())
    return Unpacked(image, modules.parents[2], modules.name)


def apt(suite: str, folder: Path, architecture: str) -> list[str]:
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
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Retries": "3",
        "APT::Update::Error-Mode": "any",  # else it's content with nothing
    }
    return [f"-o{key}={value}" for key, value in settings.items()]


def download(version: str, options: list[str], packages: list[str], folder: Path) -> None:
    """Fetch packages and unpack them into `folder`. Raises Unavailable."""
    for name in packages:
        _run(version, ["apt-get", *options, "-qq", "download", name], folder)
    for package in folder.glob("*.deb"):
        _run(version, ["dpkg-deb", "-x", str(package), str(folder)])
        package.unlink()


def _run(version: str, command: list[str], folder: Path | None = None) -> str:
    """What a tool says. Raises Unavailable."""
    suite, words = (SUITES | FOREIGN)[version], " ".join(command[:1] + command[-2:])
    what = f"Linux {version} can't be had from {MIRROR} ({suite}): {words}"
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    except FileNotFoundError:
        raise Unavailable(f"{what}: {command[0]} isn't installed") from None
    if done.returncode:
        raise Unavailable(f"{what}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def update(version: str, options: list[str]) -> None:
    """Let apt read what there is. Raises Unavailable."""
    _run(version, ["apt-get", *options, "-qq", "update"])


def _fetch(version: str, number: str, folder: Path, options: list[str], flavour: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    update(version, options)
    names = _run(version, ["apt-cache", *options, "pkgnames", "linux-"]).split()
    pattern = re.compile(rf"linux-(?:image|binary)-({re.escape(number)}\b.*[0-9]-{flavour})")
    found = {match[1] for name in names if (match := pattern.fullmatch(name))}
    if not found:
        raise Unavailable(f"{MIRROR} ({(SUITES | FOREIGN)[version]}) has no Linux {version}")
    newest_first = sorted(found, key=lambda release: [-int(part) for part in re.findall(r"\d+", release)])
    for release in newest_first:
        # Newer kernels come in two packages, and the one named after the image has nothing in it.
        parts = ("binary", "modules") if f"linux-modules-{release}" in names else ("image",)
        try:
            return download(version, options, [f"linux-{part}-{release}" for part in parts], folder)
        except Unavailable:  # mirrors may have the lists before they have the packages
            if release == newest_first[-1]:
                raise
