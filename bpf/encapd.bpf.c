// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* encapd.bpf.c: the two programs on the underlay interface, and the one behind the cutter.
 *
 *   pool route ─► encapd_egress ─► pools ─► blocks ─► policies, peers ─► push ─► the peer
 *   wire ─► encapd_ingress ─► ours? ─► sources ─► inner addresses ─► pop ─► the stack
 *   cutter ─► encapd_cutter ─► the same program again, piece by piece
 *
 * Each is a list of questions; an answer that ends the packet's way is an enum verdict. */
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <bpf/bpf_helpers.h>

#include "path.h"
#include "verdict.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define AF_INET6 10

#define PORT_BYTES (ETH_HLEN + IPV4_HEADER_MAX + sizeof(struct udphdr))

/* Frames are read as far as their headers go and no further: where a frame is not in one piece, the
 * kernel copies what is asked for, packet by packet. */
static __always_inline __u32 ip_bytes_in(const struct __sk_buff *skb)
{
	return ETH_HLEN + (skb->protocol == bpf_htons(ETH_P_IPV6) ? sizeof(struct ipv6hdr)
								  : sizeof(struct iphdr));
}

/* Up to the inner IP header, which is no longer than that of IPv6. */
static __always_inline __u32 tunnel_bytes(const struct ip *outer)
{
	return ETH_HLEN + outer->header_bytes + sizeof(struct ipv6hdr) +
	       (outer->protocol == IPPROTO_UDP ? sizeof(struct vxlan_middle) : 0);
}

static __always_inline int is_nobody(const __u8 mac[ETH_ALEN])
{
	return mac[0] == config.nobody_mac[0] && mac[1] == config.nobody_mac[1] &&
	       mac[2] == config.nobody_mac[2] && mac[3] == config.nobody_mac[3] &&
	       mac[4] == config.nobody_mac[4] && mac[5] == config.nobody_mac[5];
}

/* From another interface, so perhaps a workload's. Pieces have been looked at before they were cut.
 */
static __always_inline int is_forwarded(const struct __sk_buff *skb)
{
	return skb->ingress_ifindex != 0 && !is_piece(skb);
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

	if (config.source_check == CHECK_OFF || !is_forwarded(skb))
		return 1;
	block = block_of(inner->family, &inner->source);
	if (is_block(&block))
		return is_self(block.peer);
	return config.source_check == CHECK_POOL || is_own_address(inner);
}

/* Whether a forwarded packet comes from this node's own address. Masqueraded for a Service, it
 * would have the tunnel address, which belongs to the next hop of our routes; but IPv6 chooses
 * without one, and what was masqueraded before our time goes to nodes that need no tunnel. */
static __always_inline int is_own_address_taken(const struct __sk_buff *skb, const struct ip *inner)
{
	return config.source_check == CHECK_STRICT && inner->family == FAMILY_IPV4 &&
	       is_forwarded(skb) && is_own_address(inner);
}

/* Cuts off what lies behind the IP packet: it would be sent to the peer as if it were data. */
static __always_inline enum verdict trim(struct __sk_buff *skb, const struct ip *packet)
{
	const __u32 bytes = ETH_HLEN + packet->bytes;

	if (skb->gso_size)
		return UNDECIDED;
	if (skb->len < bytes || !ip_length_is_sane(packet))
		return DROP_IP_MALFORMED;
	if (skb->len == bytes)
		return UNDECIDED;
	return bpf_skb_change_tail(skb, bytes, 0) ? DROP_NO_HEADROOM : UNDECIDED;
}

/* Sends the packet on, through neighbour resolution, out of the interface where we met it. It
 * passes this hook again: the mark tells. */
static __always_inline void send(struct __sk_buff *skb, enum verdict verdict,
				 const struct peer *peer)
{
	struct bpf_redir_neigh next_hop = {};

	skb->mark |= config.own_mark;
	if (verdict == ENCAPSULATED) {
		bpf_redirect_neigh(skb->ifindex, NULL, 0, 0);
		return;
	}
	if (peer->family == FAMILY_IPV4) {
		next_hop.nh_family = AF_INET;
		next_hop.ipv4_nh = peer->underlay.word[0];
	} else {
		next_hop.nh_family = AF_INET6;
		__builtin_memcpy(next_hop.ipv6_nh, peer->underlay.word, sizeof(next_hop.ipv6_nh));
	}
	bpf_redirect_neigh(skb->ifindex, &next_hop, sizeof(next_hop), 0);
}

/* What can't be encapsulated in one piece, but in several. */
static __always_inline int is_cut_first(enum verdict verdict)
{
	return verdict == DROP_NESTED_TUNNEL || verdict == DROP_NO_CHECKSUM ||
	       verdict == DROP_GSO_TYPE;
}

static __always_inline enum verdict egress(struct __sk_buff *skb)
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
	if (is_forwarded(skb) &&
	    (encap_possible(family, inner.protocol) || is_extension(family, inner.protocol)) &&
	    is_workload_tunnel(skb))
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
	send(skb, verdict, peer);
	return verdict;
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

static __always_inline enum verdict ingress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;
	struct cursor at = cursor_at(skb, ip_bytes_in(skb));
	const struct ethhdr *ethernet = take_ethernet(&at);
	struct peer_traffic *traffic;
	const struct source *source;
	enum family family, inside;
	struct ip outer, inner;
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
	if (!source || !(source->accepted & (1U << encap)))
		return DROP_UNKNOWN_PEER;
	tell_peer(skb, source->peer);

	verdict = encap_inner(encap, &at, &left, self, &inside) ?:
			  inner_open(skb, &at, left, inside, &inner) ?:
			  source_check(source, &outer, &inner) ?:
			  destination_check(&outer, &inner, encap);
	if (verdict)
		return verdict;
	if (ecn_lost(outer.tos, inner.tos))
		return DROP_ECN;
	tos = tos_merge(outer.tos, inner.tos);

	verdict = encap_pop(encap, skb, &outer, &inner);
	if ((verdict == DROP_INNER_UDP_GSO || verdict == DROP_GSO_TYPE) &&
	    !(skb->mark & config.own_mark)) {
		skb->mark |= config.own_mark;
		return cut(skb, verdict);
	}
	if (verdict != DECAPSULATED)
		return verdict;
	if (trim(skb, &inner) || set_tos(skb, &inner, tos))
		return DROP_NO_HEADROOM;
	traffic = peer_traffic_at(source->peer);
	if (traffic)
		count(&traffic->decapsulated, frame_bytes);
	skb->mark &= ~config.own_mark; /* of a piece */
	return DECAPSULATED;
}

SEC("tc")
int encapd_egress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;

	return leave(skb, EGRESS, egress(skb), frame_bytes);
}

SEC("tc")
int encapd_ingress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;

	return leave(skb, INGRESS, ingress(skb), frame_bytes);
}

/* Where pieces come out. What else may stray here, the stack has no address for. */
SEC("tc")
int encapd_cutter(struct __sk_buff *skb)
{
	struct cursor at = cursor_at(skb, ETH_HLEN);
	const struct ethhdr *ethernet = take_ethernet(&at);
	const struct cutter *cutter = cutter_there();

	if (!cutter || !ethernet)
		return leave(skb, INGRESS, PASS_NOT_OURS, skb->len);
	if (is_nobody(ethernet->h_dest)) {
		bpf_redirect(cutter->uplink, 0);
		return leave(skb, EGRESS, PIECE, skb->len);
	}
	/* what IPv6 says to all on a link that comes up has no mark, but another number in its
	 * place */
	if (!(skb->mark & config.own_mark) || ethernet->h_dest[0] & 1)
		return leave(skb, INGRESS, PASS_NOT_OURS, skb->len);
	bpf_redirect(cutter->uplink, BPF_F_INGRESS);
	return leave(skb, INGRESS, PIECE, skb->len);
}
