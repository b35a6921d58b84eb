/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* checksum.h: the outer UDP checksum that RFC 8200 section 8.1 wants of UDP over IPv6.
 *
 * It covers the whole packet inside. Where the NIC, or a workload's far end, is yet to write an
 * inner checksum, the sum from there on is known all the same: it is the complement of what that
 * field starts from (local checksum offload, Documentation/networking/checksum-offloads.rst). */
#ifndef ENCAPD_CHECKSUM_H
#define ENCAPD_CHECKSUM_H

#include "outer.h"

#define CHECKSUM_PARTIAL 3 /* the kernel's enum, include/linux/skbuff.h */

/* bpf_csum_diff takes no more at once before 6.13. */
#define SUM_CHUNK      512
#define SUM_CHUNKS_MAX 128 /* of 64 KiB */

struct chunk {
	__u8 bytes[SUM_CHUNK];
	__u8 padding[4]; /* zeros behind the last bytes: sums are made of whole words */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chunk);
} scratch SEC(".maps");

/* Sums the bytes of a frame from `from`, an even distance behind what was summed before; negative:
 * there are not so many. Not static: the verifier follows it once. */
__noinline long frame_sum(struct __sk_buff *skb, __u32 from, __u32 to)
{
	const __u32 zero = 0;
	struct chunk *chunk = bpf_map_lookup_elem(&scratch, &zero);
	__u64 bytes;
	__s64 sum = 0;

	if (!chunk || from > to)
		return -1;
	for (__u32 i = 0; i < SUM_CHUNKS_MAX && to - from >= SUM_CHUNK; i++) {
		if (bpf_skb_load_bytes(skb, from, chunk->bytes, SUM_CHUNK))
			return -1;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk->bytes, SUM_CHUNK, sum);
		from += SUM_CHUNK;
	}
	bytes = to - from;
	if (bytes >= SUM_CHUNK)
		return -1;
	if (bytes) {
		/* left to itself the compiler shows the verifier one register and uses another;
		 * and 6.1's does not see that what differs from 0 is at least 1 */
		asm volatile("%0 += -1\n%0 &= %1\n%0 += 1" : "+r"(bytes) : "i"(SUM_CHUNK - 1));
		if (bpf_skb_load_bytes(skb, from, chunk->bytes, bytes))
			return -1;
		__builtin_memset(&chunk->bytes[bytes], 0, sizeof(chunk->padding));
		sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk->bytes, (bytes + 3) & ~3ULL, sum);
	}
	return sum < 0 ? -1 : sum & 0xffffffff;
}

static __always_inline int skb_field(const struct __sk_buff *skb, __u16 at, void *field,
				     __u32 bytes)
{
	return !bpf_probe_read_kernel(field, bytes, (const void *)skb + at);
}

/* Whether the checksum is left to the NIC; negative: this kernel does not tell. */
static __always_inline int is_partial(const struct __sk_buff *skb)
{
	__u8 summed = 0;

	if (!config.skb.data || !skb_field(skb, config.skb.ip_summed, &summed, sizeof(summed)))
		return -1;
	return (summed >> config.skb.ip_summed_shift & 3) == CHECKSUM_PARTIAL;
}

/* A super-packet of a local UDP sender (UDP_SEGMENT), on an uplink that computes no checksums. The
 * kernel forgets where the checksum starts once a header is put in front, and then drops the packet
 * without counting it. */
static __always_inline int is_gso_lost(const struct __sk_buff *skb, const struct ip *inner)
{
	return skb->gso_size && inner->protocol == IPPROTO_UDP && !is_partial(skb);
}

/* Where an inner checksum is still to be written. */
struct offload {
	__u32 start; /* what it covers begins here, counted from the frame's first byte; 0: none */
	__u32 field; /* it stands here */
};

/* 0: this kernel does not tell, or the checksum is none that sums (SCTP's CRC). */
static __always_inline int offload_of(const struct __sk_buff *skb, struct offload *offload)
{
	__u64 head = 0, data = 0;
	const int partial = is_partial(skb);
	__u16 start = 0, offset = 0;
	__u8 other = 0;

	if (partial < 0)
		return is_piece(skb); /* the cutter leaves nothing to be written */
	if (!partial)
		return 1;
	if (config.skb.not_inet && (!skb_field(skb, config.skb.not_inet, &other, sizeof(other)) ||
				    other >> config.skb.not_inet_shift & 1))
		return 0;
	if (!skb_field(skb, config.skb.head, &head, sizeof(head)) ||
	    !skb_field(skb, config.skb.data, &data, sizeof(data)) ||
	    !skb_field(skb, config.skb.csum_start, &start, sizeof(start)) ||
	    !skb_field(skb, config.skb.csum_offset, &offset, sizeof(offset)))
		return 0;
	offload->start = start - (__u32)(data - head);
	offload->field = offload->start + offset;
	return 1;
}

/* Sums the packet behind the Ethernet header as it will arrive; negative: it can't be known. */
static __always_inline long inner_sum(struct __sk_buff *skb)
{
	struct offload offload = {};
	__u16 field;
	long sum;

	if (!offload_of(skb, &offload))
		return -1;
	if (!offload.start)
		return frame_sum(skb, ETH_HLEN, skb->len);
	sum = frame_sum(skb, ETH_HLEN, offload.start);
	if (sum < 0 || bpf_skb_load_bytes(skb, offload.field, &field, sizeof(field)))
		return -1;
	return sum + (__u16)~field;
}

#endif
