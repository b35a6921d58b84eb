/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* next_hop.h: to which machine on the link a packet goes.
 *
 * bpf_redirect_neigh knows: it asks routes and neighbours, has the kernel look for a neighbour that
 * it does not know, and keep the one that it does. For every packet that costs a route lookup and a
 * second pass of the hook. So one packet in a while goes that way, and those behind it get the
 * addresses that the kernel has then, for so short a time that a neighbour's new address is soon
 * found out. */
#ifndef ENCAPD_NEXT_HOP_H
#define ENCAPD_NEXT_HOP_H

#include "encap/outer.h"
#include "verdict.h"

#define AF_INET6 10

/* How long: from 25 ms to 250, CONFIG_HZ says which. */
#define NEXT_HOP_JIFFIES 25

/* Ethernet addresses of a peer's next hop, as the kernel had them a moment ago. */
struct next_hop {
	struct address underlay; /* of the peer: this index may have become another's */
	__u8 macs[2 * ETH_ALEN]; /* destination, source */
	__u32 seen;		 /* jiffies, the lower 32 bits */
	__u8 is_known;
	__u8 zero[3];
};

/* Index: as peers. The programs' own: user space makes it as large as peers, and never looks. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct next_hop);
} next_hops SEC(".maps");

/* Sends the packet on, through neighbour resolution, out of the uplink. It passes this hook again:
 * the mark tells. */
static __always_inline void send(struct __sk_buff *skb, __u32 uplink, enum verdict verdict,
				 const struct peer *peer)
{
	struct bpf_redir_neigh next_hop = {};

	skb->mark |= config.own_mark;
	if (verdict == ENCAPSULATED) {
		bpf_redirect_neigh(uplink, NULL, 0, 0);
		return;
	}
	if (peer->family == FAMILY_IPV4) {
		next_hop.nh_family = AF_INET;
		next_hop.ipv4_nh = peer->underlay.word[0];
	} else {
		next_hop.nh_family = AF_INET6;
		__builtin_memcpy(next_hop.ipv6_nh, peer->underlay.word, sizeof(next_hop.ipv6_nh));
	}
	bpf_redirect_neigh(uplink, &next_hop, sizeof(next_hop), 0);
}

/* Asks the kernel. Not known is what it would send by another interface, too. */
static __noinline void next_hop_find(struct __sk_buff *skb, __u32 uplink, const struct peer *self,
				     const struct peer *peer, struct next_hop *next_hop)
{
	struct bpf_fib_lookup lookup = {.ifindex = uplink};

	if (peer->family == FAMILY_IPV4) {
		lookup.family = AF_INET;
		lookup.ipv4_src = self->underlay.word[0];
		lookup.ipv4_dst = peer->underlay.word[0];
	} else {
		lookup.family = AF_INET6;
		__builtin_memcpy(lookup.ipv6_src, self->underlay.word, sizeof(lookup.ipv6_src));
		__builtin_memcpy(lookup.ipv6_dst, peer->underlay.word, sizeof(lookup.ipv6_dst));
	}
	next_hop->is_known = bpf_fib_lookup(skb, &lookup, sizeof(lookup), BPF_FIB_LOOKUP_OUTPUT) ==
				     BPF_FIB_LKUP_RET_SUCCESS &&
			     lookup.ifindex == uplink;
	__builtin_memcpy(next_hop->macs, lookup.dmac, ETH_ALEN);
	__builtin_memcpy(next_hop->macs + ETH_ALEN, lookup.smac, ETH_ALEN);
	next_hop->underlay = peer->underlay;
}

/* Writes the Ethernet addresses that bpf_redirect_neigh would, into an encapsulated packet; 0: they
 * are not known, or are to be looked up. Marks and DSCP may be what routes are chosen by: such
 * packets are never written for. */
static __always_inline int next_hop_write(struct __sk_buff *skb, __u32 uplink,
					  const struct peer *self, const struct peer *peer,
					  const struct ip *inner, __u32 index)
{
	struct next_hop *next_hop = bpf_map_lookup_elem(&next_hops, &index);
	const __u32 now = bpf_jiffies64();

	if (!next_hop || skb->mark || outer_tos(inner) & ~TOS_ECN)
		return 0;
	if (now - next_hop->seen >= NEXT_HOP_JIFFIES ||
	    !same_address(&next_hop->underlay, &peer->underlay)) {
		next_hop->seen = now;
		next_hop_find(skb, uplink, self, peer, next_hop);
		return 0;
	}
	return next_hop->is_known &&
	       !bpf_skb_store_bytes(skb, 0, next_hop->macs, sizeof(next_hop->macs), 0);
}

#endif
