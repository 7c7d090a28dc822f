// policy
#include "foreign.h"
SEC("fmod_ret/security_file_open") int a(void *ctx) { return 0; }
