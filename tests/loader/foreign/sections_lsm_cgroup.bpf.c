// policy
#include "foreign.h"
SEC("lsm_cgroup/socket_create") int a(void *ctx) { return 1; }
