from pyebpf import current_task, raw_tracepoint
from pyebpf.helpers import get_attach_cookie, sk_cgroup_id, skc_to_tcp_sock, sock_from_file


@raw_tracepoint("sys_enter")
def probe(ctx):
    get_attach_cookie()
    skc_to_tcp_sock(current_task())  # error
    sock_from_file(ctx.args[0])  # error
    sk_cgroup_id()  # error
