// Many functions at once, and sessions of entry and return.
// linux: 6.14
#include "foreign.h"
#define P(section, name) SEC(section) int name(void *ctx) { return 0; }
P("kprobe.multi/do_exit*", a)
P("kretprobe.multi/do_exit*", b)
P("uprobe.multi//proc/self/exe:main", c)
P("uretprobe.multi//proc/self/exe:main", d)
P("uprobe.multi.s//proc/self/exe:main", e)
P("uretprobe.multi.s//proc/self/exe:main", f)
P("kprobe.session/do_exit*", g)
P("uprobe.session//proc/self/exe:main", h)
P("uprobe.session.s//proc/self/exe:main", i)
