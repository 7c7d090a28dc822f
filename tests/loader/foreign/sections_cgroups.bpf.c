// What cgroups rule.
#include "foreign.h"
#define P(section, name, result) SEC(section) int name(void *ctx) { return result; }
P("cgroup_skb/ingress", a, 1)
P("cgroup_skb/egress", b, 1)
P("cgroup/skb", c, 1)
P("cgroup/sock_create", d, 1)
P("cgroup/sock_release", e, 1)
P("cgroup/sock", f, 1)
P("cgroup/post_bind4", g, 1)
P("cgroup/post_bind6", h, 1)
P("cgroup/dev", i, 1)
P("cgroup/sysctl", j, 1)
P("cgroup/getsockopt", k, 1)
P("cgroup/setsockopt", l, 1)
