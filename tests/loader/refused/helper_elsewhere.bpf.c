// A helper that programs of this type can't call.
// complaint: helper
#include "refused.h"
SEC("socket") int probe(void *ctx)
{
	return bpf_redirect(1, 0);
}
