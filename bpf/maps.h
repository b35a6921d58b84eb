/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* maps.h: the tables that user space writes and the programs look up, and their configuration.
 *
 * Small tables, one question each. Programs only read them (BPF_F_RDONLY_PROG), but for the
 * counters. max_entries are defaults: the loader may change them. Every lookup that takes an index
 * from another table answers NULL for one that is out of bounds or unused: tables change one by
 * one, under traffic. */
#ifndef ENCAPD_MAPS_H
#define ENCAPD_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

/* Set before load, frozen by it: the verifier knows the values and leaves out dead branches. Read
 * the fields as they stand: a cast that drops volatile makes clang fold in the zeros below. */
const volatile struct config config = {};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, 1024);
	__type(key, struct pool_key);
	__type(value, struct pool);
} pools SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, 131072);
	__type(key, struct block_key);
	__type(value, struct block);
} blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, struct slot_line);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct policy);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct peer);
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, 8192);
	__type(key, struct source_key);
	__type(value, struct source);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, 1024);
	__type(key, struct pool_key);
	__type(value, struct source);
} externals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cutter);
} cutters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, 1024);
	__type(key, struct source_key);
	__type(value, struct workload);
} workloads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shortcut);
} shortcuts SEC(".maps");

/* The three of trace.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tracer);
} tracers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traced);
} traced SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} decisions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VERDICT_COUNT);
	__type(key, __u32); /* enum verdict; BTF of an array wants a plain integer */
	__type(value, struct verdict_traffic);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct peer_traffic);
} peer_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct path_mtu);
} path_mtus SEC(".maps");

/* Small, whoever sends: the oldest make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct source_key);
	__type(value, struct stranger);
} strangers SEC(".maps");

/* A trie key for one address: 32 bits of family, then all bits that the family has. */
static __always_inline struct pool_key trie_key(enum family family, const struct address *address)
{
	return (struct pool_key){
		.prefix_length = 32 + (family == FAMILY_IPV4 ? 32 : 128),
		.family = family,
		.address = *address,
	};
}

static __always_inline struct pool *pool_of(enum family family, const struct address *address)
{
	struct pool_key key = trie_key(family, address);

	return bpf_map_lookup_elem(&pools, &key);
}

/* A word of 64 bits with the first `length` of them set, 64 at most. In two steps: C has no shift
 * by 64. */
static __always_inline __u64 first_bits(__u64 length)
{
	return ~(~0ULL >> length / 2 >> (length - length / 2));
}

/* The first `length` bits of an address. Without branches: the verifier follows each of them, for
 * every length. */
static __always_inline struct address prefix_of(const struct address *address, __u8 length)
{
	__s64 beyond = (__s64)length - 64;
	__u64 upper, lower;

	beyond &= ~(beyond >> 63); /* 0 at least */
	upper = first_bits(length - beyond);
	lower = first_bits(beyond);
	return (struct address){.word = {
					address->word[0] & bpf_htonl(upper >> 32),
					address->word[1] & bpf_htonl((__u32)upper),
					address->word[2] & bpf_htonl(lower >> 32),
					address->word[3] & bpf_htonl((__u32)lower),
				}};
}

/* In place of a block's peer: what holds an address when no block does. */
enum {
	ONLY_A_POOL = 0xfffffffd,
	NOTHING = 0xfffffffe,
};

/* The slot of the block that an address lies in; 0: its pool has none for it, or it is unused. A
 * pool with slots is long enough for the lower half of an IPv6 address to say which. */
static __always_inline __u16 slot_of(const struct pool *pool, __u32 family, __u64 upper,
				     __u64 lower)
{
	__u64 number = family == FAMILY_IPV4
			       ? bpf_ntohl(upper >> 32)
			       : (__u64)bpf_ntohl(lower >> 32) << 32 | bpf_ntohl((__u32)lower);
	struct slot_line *line;
	__u32 slot, index;

	if (!pool->slot_count)
		return 0;
	slot = pool->first_slot + ((number >> (pool->slot_shift & 63)) & (pool->slot_count - 1));
	index = slot / SLOTS_OF_A_LINE;
	line = bpf_map_lookup_elem(&slots, &index);
	return line ? line->slot[slot % SLOTS_OF_A_LINE] : 0;
}

static __always_inline __u64 slot_answer(const struct pool *pool, __u16 slot)
{
	return (__u64)(slot / 2 - 1) << 32 | pool->policy;
}

/* A block as one scalar, all that such a function may give back. Not static, so that the verifier
 * follows it once, and not once for each way that leads here (kernels from 5.6). Borrowed addresses
 * are blocks of full length: they win over the block that they come from. */
__noinline __u64 find_block(__u32 family, __u64 upper, __u64 lower)
{
	const struct address address = {.word = {upper >> 32, upper, lower >> 32, lower}};
	struct block_key key = {.family = family};
	struct pool *pool = pool_of(family, &address);
	struct block *block;
	__u16 slot;

	if (!pool)
		return (__u64)NOTHING << 32;
	slot = slot_of(pool, family, upper, lower);
	if (slot && slot % 2 == 0)
		return slot_answer(pool, slot);
	for (int i = 0; i < POOL_BLOCK_LENGTHS; i++) {
		__u8 length = pool->block_lengths[i];

		if (!length || (slot && length <= pool->slot_length))
			break;
		key.prefix_length = length;
		key.address = prefix_of(&address, length);
		block = bpf_map_lookup_elem(&blocks, &key);
		if (block)
			return (__u64)block->peer << 32 | block->policy;
	}
	return slot ? slot_answer(pool, slot) : (__u64)ONLY_A_POOL << 32;
}

static __always_inline struct block block_of(enum family family, const struct address *address)
{
	const __be32 *word = address->word;
	__u64 found =
		find_block(family, (__u64)word[0] << 32 | word[1], (__u64)word[2] << 32 | word[3]);

	return (struct block){.peer = found >> 32, .policy = found};
}

/* Whether it is one, or says what there is instead. */
static __always_inline int is_block(const struct block *block)
{
	return block->peer < ONLY_A_POOL;
}

static __always_inline int is_self(__u32 peer)
{
	return peer == SELF_IPV4 || peer == SELF_IPV6;
}

static __always_inline struct peer *peer_at(__u32 index)
{
	struct peer *peer = bpf_map_lookup_elem(&peers, &index);

	return peer && peer->family ? peer : NULL;
}

static __always_inline __u32 self_index(enum family family)
{
	return family == FAMILY_IPV4 ? SELF_IPV4 : SELF_IPV6;
}

/* This node in a family. */
static __always_inline struct peer *self_of(enum family family)
{
	return peer_at(self_index(family));
}

/* Whether two entries are one node's. A node has one for each family of its underlay. */
static __always_inline int is_same_node(__u32 a, __u32 b)
{
	const struct peer *one, *other;

	if (a == b)
		return 1;
	one = peer_at(a);
	other = peer_at(b);
	return one && other && one->node == other->node;
}

static __always_inline struct policy *policy_at(__u32 index)
{
	return bpf_map_lookup_elem(&policies, &index);
}

static __always_inline struct peer_traffic *peer_traffic_at(__u32 index)
{
	return bpf_map_lookup_elem(&peer_traffic, &index);
}

/* The node's one; NULL: there is none. */
static __always_inline struct cutter *cutter_there(void)
{
	const __u32 only = 0;
	struct cutter *cutter = bpf_map_lookup_elem(&cutters, &only);

	return cutter && cutter->in ? cutter : NULL;
}

/* NULL: every packet takes the stack. */
static __always_inline struct shortcut *shortcut_there(void)
{
	const __u32 only = 0;
	struct shortcut *shortcut = bpf_map_lookup_elem(&shortcuts, &only);

	return shortcut && shortcut->uplink ? shortcut : NULL;
}

/* A workload of this node. */
static __always_inline struct workload *workload_of(enum family family,
						    const struct address *address)
{
	struct source_key key = {.family = family, .address = *address};

	return bpf_map_lookup_elem(&workloads, &key);
}

/* A node by its underlay address. */
static __always_inline struct source *node_of(enum family family, const struct address *address)
{
	struct source_key key = {.family = family, .address = *address};

	return bpf_map_lookup_elem(&sources, &key);
}

/* Whoever may send us anything from this outer address. */
static __always_inline struct source *source_of(enum family family, const struct address *address)
{
	struct source *source = node_of(family, address);
	struct pool_key key = trie_key(family, address);

	return source ? source : bpf_map_lookup_elem(&externals, &key);
}

#endif
