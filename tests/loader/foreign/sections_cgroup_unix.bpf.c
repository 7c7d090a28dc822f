// Addresses of sockets that have paths.
// linux: 6.7
#include "foreign.h"
#define P(section, name, result) SEC(section) int name(void *ctx) { return result; }
P("cgroup/connect_unix", a, 1)
P("cgroup/sendmsg_unix", b, 1)
P("cgroup/recvmsg_unix", c, 1)
P("cgroup/getpeername_unix", d, 1)
P("cgroup/getsockname_unix", e, 1)
