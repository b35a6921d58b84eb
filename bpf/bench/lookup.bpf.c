/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lookup.bpf.c: what block_of() costs, for `encap bench run scale`. No part of the datapath.
 *
 * Two programs that do the same but for the lookup: the difference between them is its cost. Each
 * address depends on the answer to the one before, as no packet waits for another one's lookup:
 * else the CPU would have several of them on their way at once. Answers how many found nothing. */
#include "../maps.h"

#define LOOKUPS 1024

/* Set before load. */
struct measured {
	__u32 first;  /* the first address of all blocks, in host order */
	__u32 blocks; /* how many there are, one behind the other */
	__u32 host_bits;
};

const volatile struct measured measured = {};

__u64 state = 88172645463325252; /* xorshift: Marsaglia 2003; goes on from run to run */

static __always_inline __u64 next(__u64 random)
{
	random ^= random << 13;
	random ^= random >> 7;
	return random ^ random << 17;
}

/* Any address of any block. */
static __always_inline struct address address_of(__u64 random)
{
	__u32 block = (random & 0xffffffff) * measured.blocks >> 32;
	__u32 host = random >> 32 & ((1U << measured.host_bits) - 1);

	return (struct address){
		.word = {
			bpf_htonl(measured.first + (block << measured.host_bits) + host),
		}};
}

SEC("tc")
int with_lookup(struct __sk_buff *skb __attribute__((unused)))
{
	__u64 random = state;
	int missed = 0;

	for (int i = 0; i < LOOKUPS; i++) {
		struct address address = address_of(random);
		struct block block = block_of(FAMILY_IPV4, &address);

		if (!is_block(&block))
			missed++;
		random = next(random + block.peer + block.policy);
	}
	state = random;
	return missed;
}

SEC("tc")
int without_lookup(struct __sk_buff *skb __attribute__((unused)))
{
	__u64 random = state;
	int missed = 0;

	for (int i = 0; i < LOOKUPS; i++) {
		struct address address = address_of(random);

		if (!address.word[0])
			missed++;
		random = next(random + address.word[0]);
	}
	state = random;
	return missed;
}

char _license[] SEC("license") = "Dual BSD/GPL";
