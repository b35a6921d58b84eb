/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ingress.h: what comes in by the underlay interface.
 *
 *   wire ─► ours? ─► sources ─► inner addresses ─► pop ─► the stack */
#ifndef ENCAPD_INGRESS_H
#define ENCAPD_INGRESS_H

#include <linux/if_packet.h>
#include "frame.h"
#include "path.h"
#include "verdict.h"

/* Up to the inner IP header, which is no longer than that of IPv6. */
static __always_inline __u32 tunnel_bytes(const struct ip *outer)
{
	return ETH_HLEN + outer->header_bytes + sizeof(struct ipv6hdr) +
	       (outer->protocol == IPPROTO_UDP ? sizeof(struct vxlan_middle) : 0);
}

/* Reads and checks the inner IP header: RFC 791 section 3.1, RFC 8200 section 3, RFC 2003 section
 * 3.1 (TTL). */
static __always_inline enum verdict inner_open(const struct __sk_buff *skb, const struct cursor *at,
					       __u32 left, enum family family, struct ip *inner)
{
	if (left < ip_least_bytes(family))
		return DROP_INNER_SHORT;
	if (!ip_read(family, at, inner))
		return DROP_INNER_IP_MALFORMED;
	if (!ip_length_is_sane(inner) || inner->bytes > left)
		return DROP_INNER_IP_MALFORMED;
	/* a super-packet holds one inner packet: bytes behind it are other datagrams (UDP GRO) */
	if (skb->gso_size && inner->bytes != left)
		return DROP_INNER_IP_MALFORMED;
	if (!inner->ttl)
		return DROP_INNER_TTL;
	if (is_martian(family, &inner->source) || is_martian(family, &inner->destination))
		return DROP_INNER_MARTIAN;
	return UNDECIDED;
}

/* Whether the sender may use the inner source: its block's, or the node itself. */
static __always_inline enum verdict source_check(const struct source *source,
						 const struct ip *outer, const struct ip *inner)
{
	const struct source *node;
	struct block block;

	if (config.source_check == CHECK_OFF)
		return UNDECIDED;
	block = block_of(inner->family, &inner->source);
	if (!is_block(&block)) {
		if (config.source_check == CHECK_POOL || source->peer == PEER_EXTERNAL)
			return UNDECIDED;
		if (outer->family == inner->family)
			return same_address(&outer->source, &inner->source) ? UNDECIDED
									    : DROP_INNER_SRC;
		node = node_of(inner->family, &inner->source);
		return node && is_same_node(node->peer, source->peer) ? UNDECIDED : DROP_INNER_SRC;
	}
	return is_same_node(block.peer, source->peer) ? UNDECIDED : DROP_INNER_SRC;
}

/* Whether the inner destination is ours to deliver: no relay, no ping-pong (CVE-2020-10136); and
 * whether it came as its pool travels: senders choose by the pool of the destination. */
static __always_inline enum verdict destination_check(const struct ip *outer,
						      const struct ip *inner, enum encap encap)
{
	const struct policy *policy;
	struct block block;

	if (config.destination_check == CHECK_OFF)
		return UNDECIDED;
	block = block_of(inner->family, &inner->destination);
	if (!is_block(&block))
		return config.destination_check == CHECK_POOL ? UNDECIDED : DROP_INNER_DST;
	if (!is_self(block.peer))
		return DROP_INNER_DST;
	policy = policy_at(block.policy);
	if (!policy)
		return DROP_NO_POLICY;
	if (!(policy->accepted & (1U << encap)))
		return DROP_MODE_MISMATCH;
	return policy->underlay == outer->family ? UNDECIDED : DROP_INNER_FAMILY;
}

/* NAT between nodes, or another cluster on the same wire, shows in the address. */
static __noinline int stranger_seen(enum family family, const struct address *address)
{
	struct source_key key = {.family = family};
	struct stranger now = {.packets = 1, .seen = bpf_ktime_get_ns()};
	struct stranger *known;

	if (!address)
		return 0;
	key.address = *address;
	known = bpf_map_lookup_elem(&strangers, &key);
	if (!known)
		return bpf_map_update_elem(&strangers, &key, &now, BPF_ANY);
	__sync_fetch_and_add(&known->packets, 1);
	known->seen = now.seen;
	return 0;
}

/* `inner` is filled where the answer is DECAPSULATED. */
static __always_inline enum verdict ingress(struct __sk_buff *skb, struct ip *inner)
{
	const __u32 frame_bytes = skb->len;
	struct cursor at = cursor_at(skb, ip_bytes_in(skb));
	const struct ethhdr *ethernet = take_ethernet(&at);
	struct peer_traffic *traffic;
	const struct source *source;
	enum family family, inside;
	struct ip outer;
	enum verdict verdict;
	struct peer *self;
	enum encap encap;
	__u32 left;
	__u8 tos;

	/* a tag that the NIC took off stands beside the packet: it is for a VLAN device above this
	 * one */
	if (skb->vlan_present || !ethernet)
		return PASS_NOT_OURS;
	family = family_of(ethernet->h_proto);
	if (!family)
		return PASS_NOT_OURS;
	if (!ip_see(family, &at, &outer))
		return PASS_NOT_OURS;
	self = self_of(family);
	if (!self || !same_address(&outer.destination, &self->underlay) ||
	    !(encap_possible(family, outer.protocol) || outer.protocol == icmp_of(family)))
		return PASS_NOT_OURS;
	if (skb->pkt_type != PACKET_HOST)
		return PASS_NOT_HOST;
	if (outer.protocol == icmp_of(family))
		return outer.header_bytes ? path_learn(skb, &outer) : PASS_NOT_OURS;

	at = cursor_at(skb, tunnel_bytes(&outer));
	if (!outer.header_bytes || !take_ethernet(&at) || !ip_skip(&at, &outer))
		return DROP_OUTER_IP_MALFORMED;
	encap = encap_announced(&outer, at);
	if (encap == ENCAP_NONE)
		return PASS_NOT_OURS;
	verdict = outer_check(skb, &outer);
	if (verdict)
		return verdict;
	left = outer.bytes - outer.header_bytes;
	verdict = encap_open(encap, &at, &left);
	if (verdict)
		return verdict;

	if (same_address(&outer.source, &self->underlay) || is_martian(family, &outer.source))
		return DROP_OUTER_MARTIAN;
	source = source_of(family, &outer.source);
	if (!source || !(source->accepted & (1U << encap))) {
		stranger_seen(family, &outer.source);
		return DROP_UNKNOWN_PEER;
	}
	tell_peer(skb, source->peer);

	verdict = encap_inner(encap, &at, &left, self, &inside) ?:
			  inner_open(skb, &at, left, inside, inner) ?:
			  source_check(source, &outer, inner) ?:
			  destination_check(&outer, inner, encap);
	if (verdict)
		return verdict;
	if (ecn_lost(outer.tos, inner->tos))
		return DROP_ECN;
	tos = tos_merge(outer.tos, inner->tos);

	verdict = encap_pop(encap, skb, &outer, inner);
	if ((verdict == DROP_INNER_UDP_GSO || verdict == DROP_GSO_TYPE) &&
	    !(skb->mark & config.own_mark)) {
		skb->mark |= config.own_mark;
		return cut(skb, verdict);
	}
	if (verdict != DECAPSULATED)
		return verdict;
	if (trim(skb, inner) || set_tos(skb, inner, tos))
		return DROP_NO_HEADROOM;
	traffic = peer_traffic_at(source->peer);
	if (traffic)
		count(&traffic->decapsulated, frame_bytes);
	skb->mark &= ~config.own_mark; /* of a piece */
	return DECAPSULATED;
}

#endif
