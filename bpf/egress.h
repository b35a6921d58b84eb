/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* egress.h: what leaves by the underlay interface. Questions, one by one; an answer that ends the
 * packet's way is an enum verdict.
 *
 *   pool route ─► pools ─► blocks ─► policies, peers ─► push ─► the peer */
#ifndef ENCAPD_EGRESS_H
#define ENCAPD_EGRESS_H

#include "frame.h"
#include "next_hop.h"
#include "path.h"
#include "verdict.h"

#define PORT_BYTES (ETH_HLEN + IPV4_HEADER_MAX + sizeof(struct udphdr))

/* From another interface, so perhaps a workload's. Pieces have been looked at before they were cut:
 * ask last, few packets are one. */
static __always_inline int is_forwarded(const struct __sk_buff *skb)
{
	return came_from(skb) && !is_piece(skb);
}

/* A quick no for most packets; `at`: the IP header. */
static __always_inline int may_be_tunnel(const struct ip *ip, struct cursor at)
{
	const struct udphdr *udp;

	if (is_extension(ip->family, ip->protocol))
		return 1;
	if (!encap_possible(ip->family, ip->protocol))
		return 0;
	if (ip->protocol != IPPROTO_UDP || !has_ports(ip))
		return 1;
	at.pos += ip_least_bytes(ip->family);
	udp = take_udp(&at);
	return !udp || udp->dest == config.vxlan_port;
}

/* A tunnel to a node that a workload built by hand. After masquerading it comes from this node, a
 * known peer. FelixConfiguration allowVXLANPacketsFromWorkloads, allowIPIPPacketsFromWorkloads. */
static __noinline int is_workload_tunnel(struct __sk_buff *skb)
{
	struct cursor at = cursor_at(skb, PORT_BYTES);
	const struct ethhdr *ethernet = take_ethernet(&at);
	struct peer *self;
	struct ip ip;

	if (!ethernet || !ip_read(family_of(ethernet->h_proto), &at, &ip) || !ip_skip(&at, &ip))
		return 0;
	switch (is_extension(ip.family, ip.protocol) ? encap_hidden(skb, ip.protocol)
						     : encap_announced(&ip, at)) {
	case ENCAP_IPIP:
	case ENCAP_IP6IP:
		if (config.allow_ipip_from_workloads)
			return 0;
		break;
	case ENCAP_VXLAN:
		if (config.allow_vxlan_from_workloads)
			return 0;
		break;
	default:
		return 0;
	}
	self = self_of(ip.family);
	return node_of(ip.family, &ip.destination) ||
	       (self && same_address(&self->underlay, &ip.destination));
}

static __always_inline int is_own_address(const struct ip *inner)
{
	const struct peer *self = self_of(inner->family);

	return self && same_address(&self->underlay, &inner->source);
}

/* Whether this node may send from the packet's source. Local processes may send as they please. */
static __always_inline int is_source_ours(const struct __sk_buff *skb, const struct ip *inner)
{
	struct block block;

	if (config.source_check == CHECK_OFF || !came_from(skb))
		return 1;
	block = block_of(inner->family, &inner->source);
	if (is_block(&block))
		return is_self(block.peer) || is_piece(skb);
	return config.source_check == CHECK_POOL || is_own_address(inner) || is_piece(skb);
}

/* Whether a forwarded packet comes from this node's own address. Masqueraded for a Service, it
 * would have the tunnel address, which belongs to the next hop of our routes; but IPv6 chooses
 * without one, and what was masqueraded before our time goes to nodes that need no tunnel. */
static __always_inline int is_own_address_taken(const struct __sk_buff *skb, const struct ip *inner)
{
	return config.source_check == CHECK_STRICT && inner->family == FAMILY_IPV4 &&
	       is_own_address(inner) && is_forwarded(skb);
}

/* What can't be encapsulated in one piece, but in several. */
static __always_inline int is_cut_first(enum verdict verdict)
{
	return verdict == DROP_NESTED_TUNNEL || verdict == DROP_NO_CHECKSUM ||
	       verdict == DROP_GSO_TYPE;
}

/* `stays`: the packet leaves by this hook, now, and not by way of a second pass. */
static __always_inline enum verdict egress(struct __sk_buff *skb, int *stays)
{
	const __u32 frame_bytes = skb->len;
	struct cursor at = cursor_at(skb, ip_bytes_in(skb));
	const struct ethhdr *ethernet = take_ethernet(&at);
	const struct policy *policy;
	struct peer *self, *peer;
	struct peer_traffic *traffic;
	enum verdict verdict;
	enum family family;
	struct block block;
	enum encap encap;
	struct ip inner;
	int for_pool;

	if (!ethernet)
		return PASS_NOT_IP;
	for_pool = is_nobody(ethernet->h_dest);
	if (!for_pool && skb->mark & config.own_mark) {
		skb->mark &= ~config.own_mark;
		return PASS_OWN_TUNNEL;
	}
	family = family_of(ethernet->h_proto);
	if (!family)
		return PASS_NOT_IP;
	if (!ip_read(family, &at, &inner))
		return for_pool ? DROP_IP_MALFORMED : PASS_NOT_POOL;
	if (came_from(skb) && may_be_tunnel(&inner, at) && is_workload_tunnel(skb) &&
	    !is_piece(skb))
		return DROP_WORKLOAD_TUNNEL;
	if (!for_pool)
		return PASS_NOT_POOL;
	if (!inner.ttl)
		return DROP_TTL;

	block = block_of(inner.family, &inner.destination);
	if (!is_block(&block))
		return block.peer == ONLY_A_POOL ? DROP_NO_BLOCK : DROP_NOT_IN_POOL;
	if (is_self(block.peer))
		return DROP_LOCAL_BLOCK;
	if (!is_source_ours(skb, &inner))
		return DROP_SRC_SPOOF;
	if (is_martian(family, &inner.source))
		return DROP_INNER_MARTIAN;
	tell_peer(skb, block.peer);
	peer = peer_at(block.peer);
	if (!peer)
		return DROP_NO_PEER;
	self = self_of(peer->family);
	if (!self)
		return DROP_NO_SELF;
	policy = policy_at(block.policy);
	if (!policy)
		return DROP_NO_POLICY;

	encap = peer->same_subnet ? policy->same_subnet : policy->other_subnet;
	if (encap != ENCAP_NONE && is_own_address_taken(skb, &inner))
		return DROP_SRC_SPOOF;
	verdict = trim(skb, &inner);
	if (!verdict && encap != ENCAP_NONE && is_gso_by_frags(skb))
		verdict = DROP_GSO_TYPE;
	if (!verdict && encap != ENCAP_NONE)
		verdict =
			path_check(skb, &inner, peer, block.peer, encap_bytes(encap, peer->family));
	if (!verdict && encap != ENCAP_NONE && is_gso_lost(skb, &inner))
		verdict = DROP_NO_CHECKSUM;
	if (!verdict)
		verdict = encap_push(encap, skb, self, peer, &inner);
	if (is_cut_first(verdict) && !is_piece(skb))
		return cut(skb, verdict);
	if (verdict != ENCAPSULATED && verdict != DIRECT)
		return verdict;
	/* A queue for an unresolved next hop hands packets back by their route, which says NOBODY.
	 * An encapsulated packet has a route of its own by then. */
	if (verdict == DIRECT && skb->mark & config.own_mark)
		verdict = DIRECT_AGAIN;
	traffic = peer_traffic_at(block.peer);
	if (traffic && verdict != DIRECT_AGAIN)
		count(verdict == DIRECT ? &traffic->direct : &traffic->encapsulated, frame_bytes);
	if (verdict == ENCAPSULATED &&
	    next_hop_write(skb, skb->ifindex, self, peer, &inner, block.peer))
		*stays = 1;
	else
		send(skb, skb->ifindex, verdict, peer);
	return verdict;
}

#endif
