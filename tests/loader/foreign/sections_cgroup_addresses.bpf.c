// Addresses of sockets in cgroups.
#include "foreign.h"
#define P(section, name, result) SEC(section) int name(void *ctx) { return result; }
P("cgroup/bind4", a, 1)
P("cgroup/bind6", b, 1)
P("cgroup/connect4", c, 1)
P("cgroup/connect6", d, 1)
P("cgroup/sendmsg4", e, 1)
P("cgroup/sendmsg6", f, 1)
P("cgroup/recvmsg4", g, 1)
P("cgroup/recvmsg6", h, 1)
P("cgroup/getpeername4", i, 1)
P("cgroup/getpeername6", j, 1)
P("cgroup/getsockname4", k, 1)
P("cgroup/getsockname6", l, 1)
