/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* path.h: how large a packet may be on its way: learned from routers, told to senders.
 *
 * Routes have the uplink's MTU, so the kernel itself answers what is too big for that. A router
 * further on answers this node, about a packet that no socket here has sent: the ingress program
 * learns from it. The next packet too big for that path is turned into an ICMP message (RFC 1191,
 * RFC 8201) and handed to the stack as if it had come in by the uplink, from the peer: so conntrack
 * takes it to the right sender, workload or host, behind NAT too. */
#ifndef ENCAPD_PATH_H
#define ENCAPD_PATH_H

#include "encap/encap.h"

#define ICMP_UNREACHABLE     3 /* RFC 792 */
#define ICMP_FRAG_NEEDED     4
#define ICMPV6_TOO_BIG	     2	 /* RFC 4443 section 3.2 */
#define ICMPV6_INFORMATIONAL 128 /* RFC 4443 section 2.1: below it are errors */

/* A forged message must not strangle a path: what every Internet host takes in one piece (the
 * kernel's min_pmtu; RFC 8200 section 5). */
#define PATH_MTU_MIN_IPV4 552
#define PATH_MTU_MIN_IPV6 1280

#define GSO_BY_FRAGS 0xffff /* include/linux/skbuff.h */

/* An answer and what it quotes: RFC 1812 section 4.3.2.3, RFC 4443 section 2.4. */
#define ANSWER_MAX_IPV4 576
#define ANSWER_MAX_IPV6 1280

struct icmp {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 mtu; /* IPv4: the lower 16 bits */
};

struct answer_ipv4 {
	struct iphdr ip;
	struct icmp icmp;
};

struct answer_ipv6 {
	struct ipv6hdr ip;
	struct icmp icmp;
};

static __always_inline __u8 icmp_of(enum family family)
{
	return family == FAMILY_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* RFC 4443 section 2.3: a pseudo-header for ICMPv6, none for ICMP. */
static __always_inline __u32 icmp_pseudo_sum(const struct ip *ip, __u32 bytes)
{
	__u32 sum;

	if (ip->family == FAMILY_IPV4)
		return 0;
	sum = sum_of(&ip->source, sizeof(ip->source), 0);
	sum = sum_of(&ip->destination, sizeof(ip->destination), sum);
	return sum + bpf_htons(bytes) + bpf_htons(IPPROTO_ICMPV6);
}

/* RFC 1191 section 7: a router that does not say how much fits means the next usual size down. */
static __always_inline __u32 plateau_below(__u32 bytes)
{
	return bytes > 32000   ? 32000
	       : bytes > 17914 ? 17914
	       : bytes > 8166  ? 8166
	       : bytes > 4352  ? 4352
	       : bytes > 2002  ? 2002
	       : bytes > 1492  ? 1492
	       : bytes > 1006  ? 1006
			       : 508;
}

static __always_inline void path_remember(__u32 peer, __u32 mtu)
{
	struct path_mtu *path = bpf_map_lookup_elem(&path_mtus, &peer);
	const __u32 self = SELF_IPV4;
	struct path_mtu *changes = bpf_map_lookup_elem(&path_mtus, &self);
	__u64 now = bpf_ktime_get_ns();

	if (!path || !changes || (path->mtu && path->mtu < mtu && now < path->until))
		return;
	if (path->mtu != mtu || now >= path->until)
		__sync_fetch_and_add(&changes->until, 1);
	path->mtu = mtu;
	path->until = now + config.path_mtu_seconds * 1000000000ULL;
}

/* An ICMP message to this node: does it say that packets to a peer are too big? */
static __noinline enum verdict path_learn(struct __sk_buff *skb, const struct ip *outer)
{
	struct cursor at = cursor_at(skb, ETH_HLEN + 2 * sizeof(struct ipv6hdr) +
						  sizeof(struct icmp) + sizeof(struct udphdr));
	const __u32 start = ETH_HLEN + outer->header_bytes;
	const __u32 end = ETH_HLEN + outer->bytes;
	const enum family family = outer->family;
	const struct source *peer;
	const struct icmp *icmp;
	struct ip sent;
	__u32 mtu;
	long sum;

	if (!take_ethernet(&at) || !ip_skip(&at, outer) ||
	    outer->fragment & bpf_htons(IPV4_MF | IPV4_FRAGMENT_OFFSET) || end > skb->len)
		return PASS_NOT_OURS;
	icmp = at.pos;
	if ((void *)(icmp + 1) > at.end)
		return PASS_NOT_OURS;
	mtu = bpf_ntohl(icmp->mtu);
	if (family == FAMILY_IPV4) {
		if (icmp->type != ICMP_UNREACHABLE || icmp->code != ICMP_FRAG_NEEDED)
			return PASS_NOT_OURS;
		mtu &= 0xffff;
	} else if (icmp->type != ICMPV6_TOO_BIG) {
		return PASS_NOT_OURS;
	}
	at.pos = (void *)(icmp + 1);
	if (!ip_read(family, &at, &sent) || !ip_skip(&at, &sent) ||
	    !same_address(&sent.source, &outer->destination) ||
	    encap_announced(&sent, at) == ENCAP_NONE)
		return PASS_NOT_OURS;
	/* RFC 792: the header and eight bytes are quoted at least; they lie in the message */
	if (start + sizeof(*icmp) + sent.header_bytes + sizeof(struct udphdr) > end)
		return PASS_NOT_OURS;
	peer = node_of(family, &sent.destination);
	if (!peer)
		return PASS_NOT_OURS;
	sum = frame_sum(skb, start, end);
	if (sum < 0 || checksum_of(icmp_pseudo_sum(outer, end - start) + (__u64)sum))
		return PASS_NOT_OURS;

	if (!mtu)
		mtu = plateau_below(sent.bytes);
	if (mtu >= sent.bytes)
		return PASS_NOT_OURS; /* then it would have fitted */
	if (family == FAMILY_IPV4 && mtu < PATH_MTU_MIN_IPV4)
		mtu = PATH_MTU_MIN_IPV4;
	if (family == FAMILY_IPV6 && mtu < PATH_MTU_MIN_IPV6)
		mtu = PATH_MTU_MIN_IPV6;
	path_remember(peer->peer, mtu);
	return PASS_PATH_MTU;
}

/* The uplink's own MTU. The helper is unknown before 5.12: a dead branch there. */
static __always_inline __u32 uplink_mtu(struct __sk_buff *skb)
{
	__u32 mtu = 0;

	if (!config.check_mtu)
		return 0xffff;
	return bpf_check_mtu(skb, 0, &mtu, 0, 0) < 0 ? 0xffff : mtu;
}

static __always_inline __u32 path_mtu(__u32 peer, __u32 uplink)
{
	const struct path_mtu *path = bpf_map_lookup_elem(&path_mtus, &peer);

	if (!path || !path->mtu || path->mtu >= uplink || bpf_ktime_get_ns() >= path->until)
		return uplink;
	return path->mtu;
}

/* A super-packet whose pieces differ in size, as SCTP's do: how large each is only the kernel
 * knows, nor does it let a program add headers. */
static __always_inline int is_gso_by_frags(const struct __sk_buff *skb)
{
	return skb->gso_size == GSO_BY_FRAGS;
}

/* The largest packet that this one, or its segments, will be in the overlay. */
static __always_inline __u32 largest_bytes(struct __sk_buff *skb, const struct ip *inner)
{
	__u8 offset = 0;

	if (!skb->gso_size)
		return skb->len - ETH_HLEN;
	if (inner->protocol == IPPROTO_UDP)
		return inner->header_bytes + sizeof(struct udphdr) + skb->gso_size;
	/* RFC 9293 section 3.1: data offset, in words, the upper half of the thirteenth byte */
	if (inner->protocol == IPPROTO_TCP)
		bpf_skb_load_bytes(skb, ETH_HLEN + inner->header_bytes + 12, &offset,
				   sizeof(offset));
	return inner->header_bytes + (offset >> 4) * 4 + skb->gso_size;
}

/* RFC 1122 section 3.2.2, RFC 4443 section 2.4: never about ICMP errors or later fragments. */
static __always_inline int may_be_told(struct __sk_buff *skb, const struct ip *inner)
{
	__u8 type = 0;

	if (inner->family == FAMILY_IPV4 && (!(inner->fragment & bpf_htons(IPV4_DF)) ||
					     inner->fragment & bpf_htons(IPV4_FRAGMENT_OFFSET)))
		return 0;
	if (inner->protocol != icmp_of(inner->family))
		return 1;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + inner->header_bytes, &type, sizeof(type)))
		return 0;
	if (inner->family == FAMILY_IPV6)
		return type >= ICMPV6_INFORMATIONAL;
	/* RFC 1122 section 3.2.2: unreachable, source quench, redirect, time, parameter problem */
	return type != 3 && type != 4 && type != 5 && type != 11 && type != 12;
}

/* Cuts the packet to what is quoted and makes room in front; negative: no memory. */
static __always_inline long answer_room(struct __sk_buff *skb, __u32 most, __u32 bytes)
{
	__u32 quoted = skb->len - ETH_HLEN;
	struct ethhdr ethernet;

	if (quoted > most - bytes)
		quoted = most - bytes;
	if (bpf_skb_change_tail(skb, ETH_HLEN + quoted, 0) ||
	    bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, 0) ||
	    bpf_skb_load_bytes(skb, 0, &ethernet, sizeof(ethernet)))
		return -1;
	/* as if NOBODY had sent it to us: the uplink takes nothing that is for others */
	__builtin_memcpy(ethernet.h_dest, ethernet.h_source, ETH_ALEN);
	for (int i = 0; i < ETH_ALEN; i++)
		ethernet.h_source[i] = config.nobody_mac[i];
	return bpf_skb_store_bytes(skb, 0, &ethernet, sizeof(ethernet), 0);
}

static __always_inline long answer_ipv4(struct __sk_buff *skb, const struct ip *about,
					const struct address *from, __u32 mtu)
{
	struct answer_ipv4 answer = {
		.ip = {.version = 4,
		       .ihl = 5,
		       .tos = 0xc0, /* RFC 1812 section 4.3.2.5: internetwork control */
		       .ttl = 64,
		       .protocol = IPPROTO_ICMP,
		       .saddr = from->word[0],
		       .daddr = about->source.word[0]},
		.icmp = {.type = ICMP_UNREACHABLE, .code = ICMP_FRAG_NEEDED, .mtu = bpf_htonl(mtu)},
	};
	long quoted;

	if (answer_room(skb, ANSWER_MAX_IPV4, sizeof(answer)))
		return -1;
	answer.ip.tot_len = bpf_htons(skb->len - ETH_HLEN);
	answer.ip.check = ipv4_checksum(&answer.ip);
	quoted = frame_sum(skb, ETH_HLEN + sizeof(answer), skb->len);
	if (quoted < 0)
		return -1;
	answer.icmp.checksum =
		checksum_of((__u64)quoted + sum_of(&answer.icmp, sizeof(answer.icmp), 0));
	return bpf_skb_store_bytes(skb, ETH_HLEN, &answer, sizeof(answer), 0);
}

static __always_inline long answer_ipv6(struct __sk_buff *skb, const struct ip *about,
					const struct address *from, __u32 mtu)
{
	struct answer_ipv6 answer = {
		.ip = {.version = 6,
		       .nexthdr = IPPROTO_ICMPV6,
		       .hop_limit = 64,
		       .saddr = in6_address(from),
		       .daddr = in6_address(&about->source)},
		.icmp = {.type = ICMPV6_TOO_BIG, .mtu = bpf_htonl(mtu)},
	};
	struct ip header = {.family = FAMILY_IPV6, .source = *from, .destination = about->source};
	__u32 bytes;
	long quoted;

	if (answer_room(skb, ANSWER_MAX_IPV6, sizeof(answer)))
		return -1;
	bytes = skb->len - ETH_HLEN - sizeof(struct ipv6hdr);
	answer.ip.payload_len = bpf_htons(bytes);
	quoted = frame_sum(skb, ETH_HLEN + sizeof(answer), skb->len);
	if (quoted < 0)
		return -1;
	answer.icmp.checksum = checksum_of((__u64)quoted + icmp_pseudo_sum(&header, bytes) +
					   sum_of(&answer.icmp, sizeof(answer.icmp), 0));
	return bpf_skb_store_bytes(skb, ETH_HLEN, &answer, sizeof(answer), 0);
}

/* Turns the packet into the message that its sender gets. `from`: who is said to speak. */
static __noinline enum verdict path_answer(struct __sk_buff *skb, const struct ip *about,
					   const struct address *from, __u32 mtu)
{
	long error = about->family == FAMILY_IPV4 ? answer_ipv4(skb, about, from, mtu)
						  : answer_ipv6(skb, about, from, mtu);

	if (error)
		return DROP_NO_HEADROOM;
	skb->mark = 0;
	bpf_redirect(skb->ifindex, BPF_F_INGRESS);
	return ANSWERED_TOO_BIG;
}

/* Whether the packet fits the way to a peer with `overhead` bytes more. */
static __always_inline enum verdict path_check(struct __sk_buff *skb, struct ip *inner,
					       const struct peer *peer, __u32 index, __u32 overhead)
{
	const __u32 bytes = largest_bytes(skb, inner) + overhead;
	const __u32 uplink = uplink_mtu(skb);
	const __u32 path = path_mtu(index, uplink);
	__u32 room = path - overhead;

	if (bytes <= path)
		return UNDECIDED;
	/* RFC 8200 section 5: IPv6 has no smaller packets; the outer ones may be cut instead */
	if (inner->family == FAMILY_IPV6 && room < PATH_MTU_MIN_IPV6)
		room = PATH_MTU_MIN_IPV6;
	if (may_be_told(skb, inner) && bytes - overhead > room) {
		struct address from =
			peer->family == inner->family ? peer->underlay : inner->destination;

		return path_answer(skb, inner, &from, room);
	}
	if (bytes > uplink)
		return DROP_TOO_BIG;
	inner->may_be_cut = 1;
	return UNDECIDED;
}

#endif
