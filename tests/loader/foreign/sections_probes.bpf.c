// Functions of the kernel and of programs.
#include "foreign.h"
#define P(section, name) SEC(section) int name(void *ctx) { return 0; }
P("kprobe/do_exit", a)
P("kretprobe/do_exit", b)
P("kprobe", c)
P("kretprobe", d)
P("uprobe", e)
P("uretprobe", f)
P("uprobe//proc/self/exe:main", g)
P("uprobe.s//proc/self/exe:main", h)
P("uretprobe.s", i)
P("ksyscall/openat", j)
P("kretsyscall/openat", k)
P("usdt", l)
P("kprobe/do_exit+4", m)
