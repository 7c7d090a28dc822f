// Twin of tests/ports/programs/tcp_options.py: the options of TCP SYN packets.
#include "twin.h"
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800

enum { END, PADDING, MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS = 8 };

struct options {
	u16 mss;
	u8 window_scale;
	bool sack;
	u32 timestamp;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} syns SEC(".maps");

FAILURES(9);

SEC("xdp")
int options(struct xdp_md *ctx)
{
	u8 *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *byte;
	struct ethhdr *eth = (void *)start;
	struct iphdr *ip = (void *)(eth + 1);
	u32 at, stop, offset;
	struct options *found;
	struct tcphdr *tcp;

	if ((void *)(eth + 1) > (void *)end) {
		FAILED(0);
		return XDP_PASS;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if ((void *)(ip + 1) > (void *)end || ip->ihl * 4 < sizeof(*ip)) {
		FAILED(1);
		return XDP_PASS;
	}
	if (ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	offset = sizeof(*eth) + ip->ihl * 4;
	tcp = (void *)start + offset;
	if ((void *)(tcp + 1) > (void *)end) {
		FAILED(2);
		return XDP_PASS;
	}
	if (!tcp->syn)
		return XDP_PASS;
	stop = offset + tcp->doff * 4;
	at = offset + sizeof(*tcp);
	found = bpf_ringbuf_reserve(&syns, sizeof(*found), 0);
	if (!found) {
		FAILED(3);
		return XDP_PASS;
	}
	__builtin_memset(found, 0, sizeof(*found));
	for (int i = 0; i < 40; i++) {
		u8 kind, size;

		if (at >= stop)
			break;
		at &= 0xFFFF; // for the verifier
		byte = start + at;
		if (byte + 1 > end) {
			FAILED(4);
			goto discard;
		}
		kind = *byte;
		if (kind == END)
			break;
		if (kind == PADDING) {
			at++;
			continue;
		}
		if (byte + 2 > end) {
			FAILED(5);
			goto discard;
		}
		size = byte[1];
		if (size < 2) {
			bpf_ringbuf_discard(found, 0);
			return XDP_DROP;
		}
		if (kind == MSS && size == 4) {
			if (byte + 4 > end) {
				FAILED(6);
				goto discard;
			}
			found->mss = bpf_ntohs(*(u16 *)(byte + 2));
		} else if (kind == WINDOW_SCALE && size == 3) {
			if (byte + 3 > end) {
				FAILED(7);
				goto discard;
			}
			found->window_scale = byte[2];
		} else if (kind == SACK_PERMITTED) {
			found->sack = true;
		} else if (kind == TIMESTAMPS && size == 10) {
			if (byte + 6 > end) {
				FAILED(8);
				goto discard;
			}
			found->timestamp = bpf_ntohl(*(u32 *)(byte + 2));
		}
		at += size;
	}
	bpf_ringbuf_submit(found, 0);
	return XDP_PASS;
discard:
	bpf_ringbuf_discard(found, 0);
	return XDP_PASS;
}
