"""Maps of places that packets go to: interfaces, CPUs, sockets. Programs give them to the helpers that send packets
there; what is in them is put in from Python."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import MAX_ENTRIES, Map


class _Targets(Map):
    value_type: layout.Type = layout.U64

    def __init__(self, *, max_entries: int = 0) -> None:
        if isinstance(max_entries, bool) or not isinstance(max_entries, int) or not 1 <= max_entries <= MAX_ENTRIES:
            raise DeclarationError(
                f"a {self.kind} needs max_entries, from 1 to {MAX_ENTRIES:,}", f"{self.kind}(max_entries=64)"
            )
        super().__init__(layout.U32, self.value_type, max_entries)

    def __repr__(self) -> str:
        return f"{self.kind} of {self.max_entries}"


class DevMap(_Targets):
    """Interfaces by number, for `redirect_map` in @xdp programs: `BPF_MAP_TYPE_DEVMAP`, Linux 5.8.

    From Python `ports[0] = "eth1"`, or the interface's index; or `("eth1", session.programs["leaving"])` with an
    @xdp.devmap program that runs on packets sent there.
    """

    kind = "DevMap"


class DevMapHash(_Targets):
    """The same with any numbers as keys: `BPF_MAP_TYPE_DEVMAP_HASH`, Linux 5.8."""

    kind = "DevMapHash"


class CpuMap(_Targets):
    """CPUs, for `redirect_map` in @xdp programs: `BPF_MAP_TYPE_CPUMAP`, Linux 5.9.

    From Python `cpus[1] = 192`, how many packets may wait for CPU 1; or `(192, session.programs["there"])` with an
    @xdp.cpumap program that runs there.
    """

    kind = "CpuMap"


class XskMap(_Targets):
    """AF_XDP sockets by number, for `redirect_map` in @xdp programs: `BPF_MAP_TYPE_XSKMAP`, Linux 4.18."""

    kind = "XskMap"
    value_type = layout.U32


class SockMap(_Targets):
    """Sockets by number, for helpers that give packets and messages to them: `BPF_MAP_TYPE_SOCKMAP`, Linux 4.14.

    From Python `sockets[0] = connection`; reading gives the kernel's number for the socket.
    """

    kind = "SockMap"


class SockHash(_Targets):
    """The same with any numbers as keys: `BPF_MAP_TYPE_SOCKHASH`, Linux 4.18."""

    kind = "SockHash"


class ReuseportSockArray(_Targets):
    """Sockets of one port, for `sk_select_reuseport` in @sk_reuseport programs: `BPF_MAP_TYPE_REUSEPORT_SOCKARRAY`,
    Linux 4.19. From Python as a SockMap."""

    kind = "ReuseportSockArray"
