// What packets go through, on newer kernels.
// linux: 6.7
#include "foreign.h"
#define P(section, name, result) SEC(section) int name(void *ctx) { return result; }
P("tc/ingress", a, 0)
P("tc/egress", b, 0)
P("tcx/ingress", c, 0)
P("tcx/egress", d, 0)
P("netkit/primary", e, 0)
P("netkit/peer", f, 0)
P("netfilter", g, 1)
