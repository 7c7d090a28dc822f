"""What a hook is: the columns of the tables in this folder."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import final

from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.records import dataclass


class Action(IntEnum):
    """What programs may answer, by name."""

    @classmethod
    def public(cls) -> str:
        """Its name in pyebpf: `XDP`."""
        return cls.__name__.removesuffix("Action").upper()


class AttachKind(Enum):
    """The mechanism that attaches a program; `loader/attach/` has a file for each."""

    TRACEPOINT = "tracepoint"
    RAW_TRACEPOINT = "raw_tracepoint"
    NETDEV_XDP = "xdp"
    TC = "tc"
    NETKIT = "netkit"
    CGROUP = "cgroup"
    IN_A_MAP = "in a map"
    """Programs that a map names, for what goes to one of its places: nothing else attaches them."""
    OPERATIONS = "operations"
    """Programs that are registered together, as the operations of a struct."""
    NETNS = "netns"
    REPLACEMENT = "replacement"
    """Programs in the place of functions of other programs."""
    ROUTE = "route"
    REUSEPORT = "reuseport"
    NETFILTER = "netfilter"
    SOCKET_MAP = "socket map"
    """Programs on all the sockets that a map has."""
    SOCKET = "socket"
    PERF_EVENT = "perf_event"
    KPROBE = "kprobe"
    KPROBE_MULTI = "kprobe.multi"
    UPROBE = "uprobe"
    USDT = "usdt"
    ITERATOR = "iterator"
    RUN = "run"
    """Programs that are never attached: user space runs them (BPF_PROG_TEST_RUN)."""
    TRAMPOLINE = "trampoline"
    """Programs that name their target when they are loaded (`attach_btf_id`)."""


class ContextKind(Enum):
    """What the probe's parameter offers."""

    TRACEPOINT = "tracepoint"
    """The tracepoint's own fields, typed by the kernel."""
    RAW_ARGS = "raw_args"
    """`ctx.args[i]`, u64 each."""
    ARGUMENTS = "arguments"
    """The target's arguments by name, of types that the verifier knows: eight bytes each; behind them the result."""
    REGISTERS = "registers"
    """The arguments by name, in the registers of `struct pt_regs` (`kernel.registers`)."""
    SYSCALL = "syscall"
    """The same of a system call, in the registers of the process that makes it."""
    STRUCT = "struct"
    """A struct that whoever runs the program gives, and has back as the program leaves it."""
    USER_REGISTERS = "user_registers"
    """The arguments of a function of a program, of types that the probe says, in the registers of the process."""
    USDT = "usdt"
    """The arguments of a marker, of types that the probe says; where they are, the loader says when it attaches."""
    XDP_PACKET = "xdp_packet"
    """A packet read in place through `struct xdp_md`."""
    XDP_PIECES = "xdp_pieces"
    """The same, of which there may be more than fits into one buffer: its first piece is read and written in place."""
    TC_PACKET = "tc_packet"
    """A packet read and written in place through `struct __sk_buff`, starting at the Ethernet header."""
    SKB_PACKET = "skb_packet"
    """A packet read in place through `struct __sk_buff`, starting at the network header."""
    ROUTED_PACKET = "routed_packet"
    """The same of a packet that goes by a route."""
    SENT_PACKET = "sent_packet"
    """The same of a packet that is sent by a route, read and written in place."""
    SKB_COPY = "skb_copy"
    """A packet of `struct __sk_buff` that the hook may not read in place: it is copied out by `skb_load_bytes`."""
    FIELDS = "fields"
    """Fields by the tables in `kernel.contexts`, and nothing else."""
    FLOW_PACKET = "flow_packet"
    """A packet of `struct __sk_buff` whose headers are looked for: copied out in place, or by `skb_load_bytes` where it
    has several pieces; its keys, which the program writes (`kernel.flows`), and no other field."""
    REUSEPORT_PACKET = "reuseport_packet"
    """A packet read in place through `struct sk_reuseport_md`, from its transport header on."""
    STREAM_PACKET = "stream_packet"
    """What a socket receives, read and written in place through `struct __sk_buff`, without headers."""
    MESSAGE = "message"
    """What a process sends, read and written in place through `struct sk_msg_md`, as far as its first piece goes."""
    SOCKET_OPTION = "socket_option"
    """Fields of `struct bpf_sockopt`, and the option's bytes in place."""
    NOTHING = "nothing"
    """No context: a callback has what it is called with."""


@final
@dataclass(frozen=True, slots=True)
class Target:
    """What the decorator's argument names in the kernel's BTF, where the arguments and their types stand."""

    what: str
    """In messages: `function`."""
    prefix: str = ""
    """What stands before the argument in the BTF's name."""
    kind: Kind = Kind.FUNC
    skipped: int = 0
    """How many parameters are first there that programs are not given."""
    named_by: str = ""
    """Before the argument, the function whose parameters have the names, where those of the target have none."""


@final
@dataclass(frozen=True, slots=True)
class Hook:
    """A place where programs attach."""

    name: str
    """As in the decorator: `cgroup.skb.egress`."""
    section: str
    """libbpf's section name; `{argument}` is replaced, `:` in the argument by `/`, and `{place}` by it as it is."""
    program_type: ProgramType
    attach_type: AttachType | None
    context: ContextKind
    parameter: str
    """The usual name of the function's one parameter."""
    returns: type[Action] | None
    """The actions that the program may return; None where the result is a plain number."""
    result: tuple[int, int]
    """Smallest and largest result that the kernel takes."""
    default: int
    """The result of a program that runs off its end, and after a fault: never cuts traffic, keeps nothing back."""
    attach: AttachKind
    takes: str
    """What the decorator's argument is (`category:name`), or ""."""
    where: str
    """What `--attach NAME=WHERE` must name (`interface`, `cgroup directory`), or "" if nothing."""
    since: tuple[int, int]
    """First kernel with the program type (or the attach mechanism used, where that is younger)."""
    capabilities: tuple[str, ...]
    test_run: bool
    """Whether BPF_PROG_TEST_RUN takes it."""
    target: Target | None = None
    """Hooks whose function's parameters are the target's arguments: what the target is."""
    arguments: bool = False
    """Whether the function may have the target's arguments."""
    gives: bool = False
    """Whether it may have `ret`, the target's result."""
    answers: bool = False
    """Whether `ret` is what programs before this one have answered, and so in the same range."""
    ends: bool = False
    """Whether the program is run once more at the end, with null for all that there is no more of."""
    place: str = ""
    """What `--attach NAME=WHERE` may name in place of the decorator's argument: `PATH:SYMBOL`."""
    alone: tuple[int, int] | None = None
    """First kernel on which a program that is running on a CPU is never begun again there, by an interrupt, by another
    task or by what it causes itself; None where that can happen."""
    sleeps: tuple[int, int] | None = None
    """First kernel that runs programs here so that they may sleep (BPF_F_SLEEPABLE); None where none may."""
    flags: int = 0
    """`prog_flags` of BPF_PROG_LOAD that its section asks for."""
    only: tuple[int, ...] = ()
    """The results that mean something, where not all of `result` do."""
    sleepable: bool = False
    """Whether this is such a program's row: see `sleeping`."""

    def actions(self) -> str:
        """The actions that a program may end with: `one of LWT.OK, LWT.DROP`; "" where results are numbers."""
        if self.returns is None:
            return ""
        known = [f"{self.returns.public()}.{action.name}" for action in self.returns if self.takes_result(action)]
        return f"one of {', '.join(known)}" if len(known) > 1 else known[0]

    def takes_result(self, value: int) -> bool:
        """Whether a program may end with it."""
        low, high = self.result
        return value in self.only if self.only else low <= value <= high
