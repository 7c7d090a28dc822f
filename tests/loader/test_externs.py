"""Options of the kernel's configuration and symbols of the kernel, in objects of clang's."""

from __future__ import annotations

import gzip
import platform
import re
import warnings
from pathlib import Path

import programs
import pytest

import pyebpf
from pyebpf.loader.externs import parse_config
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel
CONFIGURATION = Path("/proc/config.gz")
OPTIONS = """
#define __kconfig __attribute__((section(".kconfig")))
#define __weak __attribute__((weak))
enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };
extern unsigned int LINUX_KERNEL_VERSION __kconfig;
extern unsigned long CONFIG_HZ __kconfig;
extern _Bool CONFIG_BPF __kconfig;
extern enum libbpf_tristate CONFIG_NET __kconfig;
extern enum libbpf_tristate CONFIG_NOT_KNOWN_TO_ANYBODY __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig __weak;
u64 found[6]; char name[16];
extern int no_such_function(void) __attribute__((section(".ksyms"))) __weak;
SEC("socket") int probe(void *ctx) {
  if (CONFIG_NOT_KNOWN_TO_ANYBODY) return no_such_function();
  found[0] = LINUX_KERNEL_VERSION; found[1] = CONFIG_HZ; found[2] = CONFIG_BPF; found[3] = CONFIG_NET;
  found[4] = 7;
  for (int i = 0; i < 16; i++) name[i] = CONFIG_DEFAULT_HOSTNAME[i];
  return 0; }
"""
STRONG = """
extern unsigned long CONFIG_NOT_KNOWN_TO_ANYBODY __attribute__((section(".kconfig")));
SEC("socket") int probe(void *ctx) { return CONFIG_NOT_KNOWN_TO_ANYBODY; }
"""
WRONG = """
extern unsigned long CONFIG_BPF __attribute__((section(".kconfig")));
SEC("socket") int probe(void *ctx) { return CONFIG_BPF; }
"""
SYMBOLS = """
extern const void bpf_prog_put __attribute__((section(".ksyms")));
extern const void no_such_symbol __attribute__((section(".ksyms"))) __attribute__((weak));
u64 found[2];
SEC("socket") int probe(void *ctx) { found[0] = (u64)&bpf_prog_put; found[1] = (u64)&no_such_symbol; return 0; }
"""


def run(source: str, config: dict[str, object] | None = None) -> pyebpf.Session:
    """The BTF must please the kernel too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session = pyebpf.load(read_object(programs.build(source)), attach=False, config=config)
    session.programs["probe"].test_run(bytes(64))
    return session


def numbers(session: pyebpf.Session, count: int) -> list[int]:
    view = session._loaded.view(".bss")
    assert view is not None
    return [int.from_bytes(view[8 * n : 8 * n + 8], "little") for n in range(count)]


@pytest.mark.skipif(not CONFIGURATION.exists(), reason="this kernel doesn't show its configuration")
def test_options() -> None:
    with run(OPTIONS) as session:
        known = parse_config(gzip.decompress(CONFIGURATION.read_bytes()).decode())
        major, minor, patch = map(int, re.findall(r"\d+", platform.release())[:3])
        seen = numbers(session, 5)
        assert seen == [major << 16 | minor << 8 | patch, int(known["CONFIG_HZ"]), 1, 1, 7]
        view = session._loaded.view(".bss")
        assert view is not None
        assert f'"{view[48:64].rstrip(bytes(1)).decode()}"' == known["CONFIG_DEFAULT_HOSTNAME"][:17]


def test_what_is_given_is_taken() -> None:
    given = {"CONFIG_HZ": 17, "CONFIG_BPF": False, "CONFIG_NET": 2, "CONFIG_DEFAULT_HOSTNAME": "here"}
    given |= {"CONFIG_NOT_KNOWN_TO_ANYBODY": "n", "LINUX_KERNEL_VERSION": 3}
    with run(OPTIONS, given) as session:  # no configuration of the kernel is looked for
        assert numbers(session, 5) == [3, 17, 0, 2, 7]
        view = session._loaded.view(".bss")
        assert view is not None and view[48:64].rstrip(bytes(1)) == b"here"


@pytest.mark.skipif(not CONFIGURATION.exists(), reason="this kernel doesn't show its configuration")
@pytest.mark.parametrize(("source", "words"), [(STRONG, "configuration has no CONFIG_NOT"), (WRONG, "CONFIG_BPF is y")])
def test_what_is_wrong(source: str, words: str) -> None:
    with pytest.raises(pyebpf.LoadError, match=words):
        run(source)


def test_addresses() -> None:
    lines = Path("/proc/kallsyms").read_text().splitlines()
    [address] = [line.split()[0] for line in lines if line.split()[2:] == ["bpf_prog_put"]]
    with run(SYMBOLS) as session:
        assert numbers(session, 2) == [int(address, 16), 0]
