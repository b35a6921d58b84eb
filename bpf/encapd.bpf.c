// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* encapd.bpf.c: the two programs on the underlay interface.
 *
 *   pool route ─► encapd_egress ─► pools ─► blocks ─► policies, peers ─► push ─► the peer
 *   wire ─► encapd_ingress ─► ours? ─► sources ─► inner addresses ─► pop ─► the stack
 *
 * Each is a list of questions; an answer that ends the packet's way is an enum verdict. */
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <bpf/bpf_helpers.h>

#include "encap/encap.h"
#include "verdict.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define AF_INET 2

/* Outer headers as far as they are read: all IPv4 options, but then no more of a VXLAN packet. */
#define OUTER_BYTES (ETH_HLEN + sizeof(struct vxlan_headers) + sizeof(struct iphdr))
_Static_assert(OUTER_BYTES >= ETH_HLEN + IPV4_HEADER_MAX + sizeof(struct udphdr),
	       "outer options and ports must be readable");

static __always_inline int is_nobody(const __u8 mac[ETH_ALEN])
{
	return mac[0] == config.nobody_mac[0] && mac[1] == config.nobody_mac[1] &&
	       mac[2] == config.nobody_mac[2] && mac[3] == config.nobody_mac[3] &&
	       mac[4] == config.nobody_mac[4] && mac[5] == config.nobody_mac[5];
}

static __always_inline int is_forwarded(const struct __sk_buff *skb)
{
	return skb->ingress_ifindex != 0;
}

/* A tunnel to a node that a workload built by hand. After masquerading it comes from this node, a
 * known peer. FelixConfiguration allowVXLANPacketsFromWorkloads, allowIPIPPacketsFromWorkloads. */
static __noinline int is_workload_tunnel(struct __sk_buff *skb)
{
	struct cursor at = cursor_at(skb, ETH_HLEN + IPV4_HEADER_MAX + sizeof(struct udphdr));
	const struct ethhdr *ethernet = take_ethernet(&at);
	const struct iphdr *ip = take_ipv4(&at);
	struct address destination;
	struct peer *self;

	if (!ethernet || !ip)
		return 0;
	switch (encap_announced(ip, at)) {
	case ENCAP_IPIP:
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
	destination = ipv4_address(ip->daddr);
	self = peer_at(SELF_IPV4);
	return node_of(FAMILY_IPV4, &destination) ||
	       (self && self->underlay.word[0] == destination.word[0]);
}

/* Whether this node may send from the packet's source. Local processes may send as they please. */
static __always_inline int is_source_ours(const struct __sk_buff *skb, const struct inner *inner,
					  const struct peer *self)
{
	const struct block *block;

	if (config.source_check == CHECK_OFF || !is_forwarded(skb))
		return 1;
	block = block_of(inner->family, &inner->source);
	if (block)
		return is_self(block->peer);
	if (config.source_check == CHECK_POOL)
		return 1;
	/* Masqueraded by this node for a Service. No workload can claim it: the kernel forwards
	 * nothing that comes from one of its own addresses (RFC 1812 section 5.3.8). */
	return inner->source.word[0] == self->underlay.word[0];
}

/* Cuts off what lies behind the IP packet: it would be sent to the peer as if it were data. */
static __always_inline enum verdict trim(struct __sk_buff *skb, __u32 ip_bytes)
{
	const __u32 bytes = ETH_HLEN + ip_bytes;

	if (skb->gso_size || skb->len == bytes)
		return UNDECIDED;
	if (skb->len < bytes || ip_bytes < sizeof(struct iphdr))
		return DROP_IP_MALFORMED;
	return bpf_skb_change_tail(skb, bytes, 0) ? DROP_NO_HEADROOM : UNDECIDED;
}

/* Sends the packet on, through neighbour resolution, out of the interface where we met it. It
 * passes this hook again: the mark tells. */
static __always_inline void send(struct __sk_buff *skb, enum verdict verdict,
				 const struct peer *peer)
{
	struct bpf_redir_neigh next_hop = {
		.nh_family = AF_INET,
		.ipv4_nh = peer->underlay.word[0],
	};

	skb->mark |= config.own_mark;
	if (verdict != ENCAPSULATED)
		bpf_redirect_neigh(skb->ifindex, &next_hop, sizeof(next_hop), 0);
	else
		bpf_redirect_neigh(skb->ifindex, NULL, 0, 0);
}

static __always_inline enum verdict egress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;
	struct cursor at = cursor_at(skb, ETH_HLEN + sizeof(struct iphdr));
	const struct ethhdr *ethernet = take_ethernet(&at);
	const struct policy *policy;
	const struct block *block;
	const struct iphdr *ip;
	struct peer *self, *peer;
	struct peer_traffic *traffic;
	enum verdict verdict;
	struct inner inner;
	enum encap encap;
	struct pool *pool;
	int for_pool;

	if (!ethernet)
		return PASS_NOT_IP;
	for_pool = is_nobody(ethernet->h_dest);
	if (!for_pool && skb->mark & config.own_mark) {
		skb->mark &= ~config.own_mark;
		return PASS_OWN_TUNNEL;
	}
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		return PASS_NOT_IP;
	ip = see_ipv4(&at);
	if (!ip)
		return for_pool ? DROP_IP_MALFORMED : PASS_NOT_POOL;
	inner = inner_ipv4(ip);
	if (is_forwarded(skb) && encap_possible(inner.protocol) && is_workload_tunnel(skb))
		return DROP_WORKLOAD_TUNNEL;
	if (!for_pool)
		return PASS_NOT_POOL;
	if (!inner.ttl)
		return DROP_TTL;
	self = peer_at(SELF_IPV4);
	if (!self)
		return DROP_NO_SELF;

	pool = pool_of(inner.family, &inner.destination);
	if (!pool)
		return DROP_NOT_IN_POOL;
	block = block_in(pool, inner.family, &inner.destination);
	if (!block)
		return DROP_NO_BLOCK;
	if (is_self(block->peer))
		return DROP_LOCAL_BLOCK;
	if (!is_source_ours(skb, &inner, self))
		return DROP_SRC_SPOOF;
	peer = peer_at(block->peer);
	if (!peer)
		return DROP_NO_PEER;
	policy = policy_at(block->policy);
	if (!policy)
		return DROP_NO_POLICY;

	encap = peer->same_subnet ? policy->same_subnet : policy->other_subnet;
	verdict = trim(skb, inner.bytes) ?: encap_push(encap, skb, self, peer, inner.tos);
	if (verdict != ENCAPSULATED && verdict != DIRECT)
		return verdict;
	/* A queue for an unresolved next hop hands packets back by their route, which says NOBODY.
	 * An encapsulated packet has a route of its own by then. */
	if (verdict == DIRECT && skb->mark & config.own_mark)
		verdict = DIRECT_AGAIN;
	traffic = peer_traffic_at(block->peer);
	if (traffic && verdict != DIRECT_AGAIN)
		count(verdict == DIRECT ? &traffic->direct : &traffic->encapsulated, frame_bytes);
	send(skb, verdict, peer);
	return verdict;
}

/* Reads and checks the inner IP header: RFC 791 section 3.1, RFC 2003 section 3.1 (TTL). */
static __always_inline enum verdict inner_open(const struct __sk_buff *skb, const struct cursor *at,
					       __u32 left, struct inner *inner)
{
	const struct iphdr *ip = see_ipv4(at);

	if (left < sizeof(*ip))
		return DROP_INNER_SHORT;
	if (!ip)
		return DROP_INNER_IP_MALFORMED;
	*inner = inner_ipv4(ip);
	if (inner->bytes < ip->ihl * 4U || inner->bytes > left)
		return DROP_INNER_IP_MALFORMED;
	/* a super-packet holds one inner packet: bytes behind it are other datagrams (UDP GRO) */
	if (skb->gso_size && inner->bytes != left)
		return DROP_INNER_IP_MALFORMED;
	if (!inner->ttl)
		return DROP_INNER_TTL;
	if (is_martian(inner->source.word[0]) || is_martian(inner->destination.word[0]))
		return DROP_INNER_MARTIAN;
	return UNDECIDED;
}

/* Whether the sender may use the inner source: its block's, or the node itself. */
static __always_inline enum verdict source_check(const struct source *source,
						 const struct inner *inner,
						 const struct address *outer_source)
{
	const struct block *block;

	if (config.source_check == CHECK_OFF)
		return UNDECIDED;
	block = block_of(inner->family, &inner->source);
	if (!block) {
		if (config.source_check == CHECK_POOL || source->peer == PEER_EXTERNAL ||
		    inner->source.word[0] == outer_source->word[0])
			return UNDECIDED;
		return DROP_INNER_SRC;
	}
	return block->peer == source->peer ? UNDECIDED : DROP_INNER_SRC;
}

/* Whether the inner destination is ours to deliver: no relay, no ping-pong (CVE-2020-10136); and
 * whether it came as its pool travels: senders choose by the pool of the destination. */
static __always_inline enum verdict destination_check(const struct inner *inner, enum encap encap)
{
	const struct policy *policy;
	const struct block *block;

	if (config.destination_check == CHECK_OFF)
		return UNDECIDED;
	block = block_of(inner->family, &inner->destination);
	if (!block)
		return config.destination_check == CHECK_POOL ? UNDECIDED : DROP_INNER_DST;
	if (!is_self(block->peer))
		return DROP_INNER_DST;
	policy = policy_at(block->policy);
	if (!policy)
		return DROP_NO_POLICY;
	return policy->accepted & (1U << encap) ? UNDECIDED : DROP_MODE_MISMATCH;
}

static __always_inline enum verdict ingress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;
	struct cursor at = cursor_at(skb, ETH_HLEN + sizeof(struct iphdr));
	const struct ethhdr *ethernet = take_ethernet(&at);
	struct peer_traffic *traffic;
	struct address outer_source;
	const struct source *source;
	const struct iphdr *ip;
	enum verdict verdict;
	struct inner inner;
	struct peer *self;
	enum encap encap;
	__u8 outer_tos, tos;
	__u32 left;

	/* a tag that the NIC took off stands beside the packet: it is for a VLAN device above this
	 * one */
	if (skb->vlan_present || !ethernet || ethernet->h_proto != bpf_htons(ETH_P_IP))
		return PASS_NOT_OURS;
	ip = see_ipv4(&at);
	if (!ip)
		return DROP_OUTER_IP_MALFORMED;
	self = peer_at(SELF_IPV4);
	if (!self || ip->daddr != self->underlay.word[0] || !encap_possible(ip->protocol))
		return PASS_NOT_OURS;
	if (skb->pkt_type != PACKET_HOST)
		return PASS_NOT_HOST;

	at = cursor_at(skb, OUTER_BYTES);
	ip = take_ethernet(&at) ? take_ipv4(&at) : NULL;
	if (!ip)
		return DROP_OUTER_IP_MALFORMED;
	encap = encap_announced(ip, at);
	if (encap == ENCAP_NONE)
		return PASS_NOT_OURS;
	verdict = outer_ipv4_check(ip, skb->len);
	if (verdict)
		return verdict;
	outer_source = ipv4_address(ip->saddr);
	outer_tos = ip->tos;
	left = bpf_ntohs(ip->tot_len) - sizeof(*ip);
	verdict = encap_open(encap, &at, &left);
	if (verdict)
		return verdict;

	if (outer_source.word[0] == self->underlay.word[0] || is_martian(outer_source.word[0]))
		return DROP_OUTER_MARTIAN;
	source = source_of(FAMILY_IPV4, &outer_source);
	if (!source || !(source->accepted & (1U << encap)))
		return DROP_UNKNOWN_PEER;

	verdict = encap_inner(encap, &at, &left, self) ?:
			  inner_open(skb, &at, left, &inner) ?:
			  source_check(source, &inner, &outer_source) ?:
			  destination_check(&inner, encap);
	if (verdict)
		return verdict;
	if (ecn_lost(outer_tos, inner.tos))
		return DROP_ECN;
	tos = ecn_merge(outer_tos, inner.tos);

	verdict = encap_pop(encap, skb, inner.protocol);
	if (verdict != DECAPSULATED)
		return verdict;
	if (trim(skb, inner.bytes) || ipv4_set_tos(skb, inner.tos, tos))
		return DROP_NO_HEADROOM;
	traffic = peer_traffic_at(source->peer);
	if (traffic)
		count(&traffic->decapsulated, frame_bytes);
	return DECAPSULATED;
}

SEC("tc")
int encapd_egress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;

	return leave(EGRESS, egress(skb), frame_bytes);
}

SEC("tc")
int encapd_ingress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;

	return leave(INGRESS, ingress(skb), frame_bytes);
}
