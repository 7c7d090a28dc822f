/* One program for all versions of the instruction set. */
int given[4] = { 100, -7, 3, 0x12345678 };
static __noinline int compare(int a, u32 b)
{
	BARRIER;
	return a < 0 && b > 50;
}
SEC("tc") int probe(struct __sk_buff *skb)
{
	int swapped = __builtin_bswap32(given[3]) == 0x78563412;
	signed char narrow = given[1];
#ifdef V4
	if (given[0] / given[2] != 33 || given[1] % given[2] != -1)
		return 0;
#endif
	return compare(narrow, given[0]) && swapped && skb->len < 100000;
}
