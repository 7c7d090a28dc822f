"""Stacks and distributions as they come from real programs, the same each time."""

from __future__ import annotations

import random

from pyebpf.pictures.distributions import Distribution, linear, log2
from pyebpf.pictures.frames import Frame, StackCount

LIBC, NGINX, VMLINUX = "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/sbin/nginx", "[kernel]"


def kernel(*names: str) -> tuple[Frame, ...]:
    return tuple(Frame(name, VMLINUX, 16, 0xFFFFFFFF81000000, "kernel") for name in names)


def user(module: str, *names: str) -> tuple[Frame, ...]:
    return tuple(Frame(name, module, 16, 0x7F0000001000, "user") for name in names)


def python(*names: str) -> tuple[Frame, ...]:
    return tuple(Frame(name, "/srv/app/server.py", 0, 0, "python", "/srv/app/server.py", 12) for name in names)


ENTRY = kernel("entry_SYSCALL_64_after_hwframe", "do_syscall_64")
SERVER = (*user(NGINX, "main", "ngx_master_process_cycle", "ngx_worker_process_cycle", "ngx_process_events"),)


def server_load() -> list[StackCount]:
    """Of a web server, a Python process and a just-in-time compiler; outermost first here."""
    write = (*ENTRY, *kernel("ksys_write", "vfs_write", "sock_write_iter", "tcp_sendmsg", "tcp_push"))
    read = (*ENTRY, *kernel("ksys_read", "vfs_read", "ext4_file_read_iter", "filemap_read", "copy_page_to_iter"))
    web = [
        ((*SERVER, *user(NGINX, "ngx_http_process_request", "ngx_http_write_filter", "writev"), *write), 420),
        ((*SERVER, *user(NGINX, "ngx_http_process_request", "ngx_http_static_handler"), *read), 260),
        ((*SERVER, *user(NGINX, "ngx_http_process_request", "ngx_http_gzip_body_filter", "deflate")), 610),
        ((*SERVER, *user(LIBC, "epoll_wait"), *ENTRY, *kernel("do_epoll_wait", "schedule")), 90),
        ((*SERVER, *user(LIBC, "malloc", "_int_malloc")), 44),
    ]
    app = [
        ((*user("/usr/bin/python3.13", "_start", "Py_RunMain"), *python("<module>", "serve", "handle", "render")), 330),
        ((*user("/usr/bin/python3.13", "_start", "Py_RunMain"), *python("<module>", "serve", "handle", "query")), 210),
        ((*user("/usr/bin/python3.13", "_start", "Py_RunMain"), *python("<module>", "serve")), 12),
    ]
    jit = tuple(Frame(f"LazyCompile:*{name} app.js:{n}", "", 0, 0, "jit") for n, name in enumerate(("route", "parse")))
    node = [((*user("/usr/bin/node", "node::Start", "uv_run"), *jit), 180), ((Frame("[unknown]", ""), *jit), 25)]
    found = []
    for comm, pid, stacks in (("nginx", 812, web), ("python3", 1440, app), ("node", 977, node)):
        found += [StackCount((comm, pid), tuple(reversed(frames)), count) for frames, count in stacks]
    return found


def many_stacks(count: int, depth: int = 30, functions: int = 2_000, seed: int = 3) -> list[StackCount]:
    """Stacks that share their outer frames, as those of one program do."""
    chance = random.Random(seed)
    frames = [Frame(f"function_{n}", f"/opt/lib{n % 7}.so", 0, n, "user") for n in range(functions)]
    found = []
    for _ in range(count):
        length = max(3, int(chance.gauss(depth, depth / 4)))
        path, place = [], 0
        for level in range(length):
            place = (place * 31 + level * 7 + min(int(chance.expovariate(1.2)), 9)) % functions
            path.append(frames[place])
        found.append(StackCount((f"worker-{chance.randrange(4)}",), tuple(reversed(path)), chance.randint(1, 20)))
    return found


def read_latency() -> Distribution:
    """Two humps: from the cache and from the disk."""
    counts = [0] * 64
    for slot, count in {9: 12, 10: 4_310, 11: 52_013, 12: 21_870, 13: 2_004, 14: 310, 15: 92, 16: 480, 17: 1_930, 18: 5_214, 19: 2_380, 20: 406, 21: 31, 23: 2}.items():  # fmt: skip  # noqa: E501
        counts[slot] = count
    return log2("read_latency", "ns", counts)


def packet_sizes() -> Distribution:
    return linear(
        "packet_size", "bytes", 0, 128, [0, 9_112, 2_310, 805, 417, 290, 333, 256, 198, 190, 240, 512, 20_114, 37]
    )


def by_disk() -> list[Distribution]:
    """One histogram with keys."""
    chance = random.Random(5)
    found = []
    for disk, middle in (("nvme0n1", 14.5), ("sda", 21.0), ("nbd3", 18.0)):
        counts = [0] * 64
        for _ in range(4_000):
            counts[max(0, int(chance.gauss(middle, 1.3)))] += 1
        found.append(log2("io", "ns", counts, disk))
    return found
