// policy
#include "foreign.h"
SEC("fexit/do_unlinkat") int a(void *ctx) { return 0; }
