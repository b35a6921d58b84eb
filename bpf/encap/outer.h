/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* outer.h: what all encapsulations share: outer IPv4, IPv6 and UDP, room in the packet, ECN.
 *
 * Headers are built on the stack before the packet changes, for pointers into it die with
 * bpf_skb_adjust_room. */
#ifndef ENCAPD_OUTER_H
#define ENCAPD_OUTER_H

#include "../cutter.h"
#include "../maps.h"
#include "../packet.h"

/* All pushes: segments keep their size, for the route's MTU has left room; checksums stay valid. */
#define ROOM_FLAGS (BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET)

/* What bpf_skb_adjust_room answers; the kernel's errno values. */
#define KERNEL_EALREADY 114
#define KERNEL_ENOTSUPP 524

/* RFC 7348 section 5: source ports for entropy come from the dynamic range, 49152 to 65535. */
#define FLOW_PORT_MIN  49152
#define FLOW_PORT_BITS 14

/* Times this, every bit of a number counts in the upper half: 2^64 by the golden ratio, odd. */
#define FLOW_ODD 0x9e3779b97f4a7c15ULL

#define TOS_ECN	 0x03 /* RFC 3168 section 5 */
#define ECN_ECT1 0x01
#define ECN_ECT0 0x02
#define ECN_CE	 0x03

/* RFC 1071: the one's complement sum of 16-bit words, added to `sum`. `bytes` is a constant. */
static __always_inline __u32 sum_of(const void *from, __u32 bytes, __u32 sum)
{
	const __u16 *word = from;

#pragma unroll
	for (__u32 i = 0; i < bytes / sizeof(*word); i++)
		sum += word[i];
	return sum;
}

static __always_inline __sum16 checksum_of(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (__u16)~sum;
}

/* Of a header without options; 0 over one that holds its own checksum. */
static __always_inline __sum16 ipv4_checksum(const struct iphdr *ip)
{
	return checksum_of(sum_of(ip, sizeof(*ip), 0));
}

/* RFC 6040 section 4.1, normal mode: ECN is the inner packet's. RFC 2983: DSCP by config. */
static __always_inline __u8 outer_tos(const struct ip *inner)
{
	__u8 dscp = config.dscp == DSCP_PIPE ? config.outer_dscp << 2 : inner->tos & ~TOS_ECN;

	return dscp | (inner->tos & TOS_ECN);
}

static __always_inline __u8 outer_ttl(const struct ip *inner)
{
	return config.outer_ttl ?: inner->ttl;
}

/* Lengths that super-packets may outgrow: 0, as in the kernel; segments get theirs. */
static __always_inline __be16 length_field(__u32 bytes)
{
	return bytes > 0xffff ? 0 : bpf_htons(bytes);
}

/* The header in front of everything, for an inner packet that becomes `bytes` long with it. DF as
 * RFC 2003 section 3.1 and RFC 7348 section 4.3 want it, but for what would never arrive then. */
static __always_inline struct iphdr outer_ipv4(const struct peer *self, const struct peer *peer,
					       __u8 protocol, const struct ip *inner, __u32 bytes)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tos = outer_tos(inner),
		.tot_len = length_field(bytes),
		.id = inner->may_be_cut ? bpf_get_prandom_u32() : 0,
		.frag_off = inner->may_be_cut ? 0 : bpf_htons(IPV4_DF),
		.ttl = outer_ttl(inner),
		.protocol = protocol,
		.saddr = self->underlay.word[0],
		.daddr = peer->underlay.word[0],
	};

	ip.check = ipv4_checksum(&ip);
	return ip;
}

static __always_inline struct in6_addr in6_address(const struct address *address)
{
	return (struct in6_addr){.in6_u.u6_addr32 = {address->word[0], address->word[1],
						     address->word[2], address->word[3]}};
}

/* RFC 6437 section 2: 20 bits, and 0 says that there is none. */
static __always_inline __u32 flow_label(__u32 flow)
{
	return flow & 0xfffff ?: 1;
}

/* The same over IPv6. RFC 6438: the flow label spreads flows where routers look at it. */
static __always_inline struct ipv6hdr outer_ipv6(const struct peer *self, const struct peer *peer,
						 __u8 protocol, const struct ip *inner, __u32 bytes,
						 __u32 flow)
{
	const __u8 tos = outer_tos(inner);
	const __u32 label = flow_label(flow);

	return (struct ipv6hdr){
		.version = 6,
		.priority = tos >> 4,
		.flow_lbl = {tos << 4 | label >> 16, label >> 8, label},
		.payload_len = length_field(bytes - sizeof(struct ipv6hdr)),
		.nexthdr = protocol,
		.hop_limit = outer_ttl(inner),
		.saddr = in6_address(&self->underlay),
		.daddr = in6_address(&peer->underlay),
	};
}

/* A number for each flow, the same for all its packets. The kernel's, where it has one already, for
 * its own TCP changes it to try other paths. To have it look into the packet takes longer than this
 * sum. A push changes the kernel's: ask before. */
static __always_inline __u32 flow_of(struct __sk_buff *skb, const struct ip *inner)
{
	const __be32 *from = inner->source.word, *to = inner->destination.word;
	__be32 *ports = frame_start(skb) + ETH_HLEN + ip_least_bytes(inner->family);
	__u64 flow;

	if (skb->hash || !has_ports(inner) || (void *)(ports + 1) > frame_end(skb))
		return bpf_get_hash_recalc(skb);
	flow = ((__u64)(from[0] ^ from[1] ^ from[2] ^ from[3]) << 32 | *ports) * FLOW_ODD;
	flow ^= flow >> 32;
	flow = (flow + (to[0] ^ to[1] ^ to[2] ^ to[3])) * FLOW_ODD;
	return flow >> 32;
}

/* One flow, one port: routers and NICs spread flows by it. */
static __always_inline __be16 flow_port(__u32 flow)
{
	flow ^= flow >> FLOW_PORT_BITS ^ flow >> (2 * FLOW_PORT_BITS);
	return bpf_htons(FLOW_PORT_MIN + (flow & ((1 << FLOW_PORT_BITS) - 1)));
}

static __always_inline enum verdict refusal(const struct __sk_buff *skb, long error)
{
	switch (-error) {
	case KERNEL_EALREADY:
		return DROP_NESTED_TUNNEL;
	case KERNEL_ENOTSUPP: /* 5.10 compares with the MTU itself */
		return skb->gso_size ? DROP_GSO_TYPE : DROP_TOO_BIG;
	default:
		return DROP_NO_HEADROOM;
	}
}

static __always_inline __u64 encap_l3(enum family outer)
{
	return outer == FAMILY_IPV4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
}

/* Out of one family into another the kernel must be told; 0: this one can't. */
static __always_inline __u64 decap_l3(enum family inner)
{
	return inner == FAMILY_IPV4 ? config.adjust_room_to_ipv4 : config.adjust_room_to_ipv6;
}

/* The EtherType in front says what follows now. */
static __always_inline long ether_type_change(struct __sk_buff *skb, enum family from,
					      enum family to)
{
	const __be16 ether_type = ether_type_of(to);

	if (from == to)
		return 0;
	return bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &ether_type,
				   sizeof(ether_type), 0);
}

/* Makes room in a piece whose old marks of a tunnel the cutter leaves in place. It has nothing to
 * offload any more, so that the kernel need not know of the new headers; but of the family it must.
 */
static __always_inline long piece_room(struct __sk_buff *skb, enum family outer, enum family inner,
				       __u32 bytes)
{
	const __s32 longer = sizeof(struct ipv6hdr) - sizeof(struct iphdr);

	if (outer == inner)
		return bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, ROOM_FLAGS);
	/* this makes room for the longer header, or takes it */
	bytes += outer == FAMILY_IPV6 ? -longer : longer;
	return bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, ROOM_FLAGS)
		       ?: bpf_skb_change_proto(skb, ether_type_of(outer), 0);
}

/* Puts headers of a family between the Ethernet and the inner IP header. */
static __always_inline enum verdict outer_push(struct __sk_buff *skb, enum family outer,
					       enum family inner, const void *headers, __u32 bytes,
					       __u64 flags)
{
	long error;

	error = bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC,
				    flags | encap_l3(outer) | ROOM_FLAGS);
	if (error == -KERNEL_EALREADY && is_piece(skb) && !skb->gso_size)
		error = piece_room(skb, outer, inner, bytes);
	if (error)
		return refusal(skb, error);
	if (bpf_skb_store_bytes(skb, ETH_HLEN, headers, bytes, 0) ||
	    ether_type_change(skb, inner, outer))
		return DROP_NO_HEADROOM;
	return ENCAPSULATED;
}

/* Takes away what outer_push put there. */
static __always_inline enum verdict outer_pop(struct __sk_buff *skb, enum family outer,
					      enum family inner, __u32 bytes, __u64 flags)
{
	long error;

	if (outer != inner) {
		if (!decap_l3(inner))
			return DROP_INNER_FAMILY;
		flags |= decap_l3(inner);
	}
	error = bpf_skb_adjust_room(skb, -(__s32)bytes, BPF_ADJ_ROOM_MAC, flags | ROOM_FLAGS);
	if (error)
		return refusal(skb, error);
	return ether_type_change(skb, outer, inner) ? DROP_NO_HEADROOM : DECAPSULATED;
}

/* RFC 791 section 3.1: the checksum covers the options too. Words behind the header count as 0. */
static __always_inline int is_ipv4_intact(struct __sk_buff *skb, __u32 header_bytes)
{
	const struct iphdr *ip = frame_start(skb) + ETH_HLEN;
	__u8 header[IPV4_HEADER_MAX] = {};

	if (header_bytes == sizeof(*ip))
		return (void *)(ip + 1) <= frame_end(skb) && !ipv4_checksum(ip);
	if (header_bytes < sizeof(*ip) || header_bytes > sizeof(header) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, header, header_bytes))
		return 0;
	return !checksum_of(sum_of(header, sizeof(header), 0));
}

/* What the stack would check of the outer header, had it seen the packet before us. */
static __always_inline enum verdict outer_check(struct __sk_buff *skb, const struct ip *outer)
{
	if (outer->fragment & bpf_htons(IPV4_MF | IPV4_FRAGMENT_OFFSET))
		return DROP_OUTER_FRAG;
	if (outer->bytes < outer->header_bytes || outer->bytes > skb->len - ETH_HLEN)
		return DROP_OUTER_IP_MALFORMED;
	if (outer->header_bytes != ip_least_bytes(outer->family) && !config.outer_options)
		return DROP_OUTER_IP_OPTIONS;
	if (outer->family == FAMILY_IPV4 && !is_ipv4_intact(skb, outer->header_bytes))
		return DROP_OUTER_CSUM;
	return UNDECIDED;
}

/* Reads the outer UDP header. RFC 768: its length may end before the IP packet does, not behind. */
static __always_inline enum verdict udp_open(struct cursor *at, __u32 *left)
{
	const struct udphdr *udp = take_udp(at);
	__u32 bytes;

	if (!udp)
		return DROP_UDP_MALFORMED;
	bytes = bpf_ntohs(udp->len);
	if (bytes < sizeof(*udp) || bytes > *left)
		return DROP_UDP_MALFORMED;
	*left = bytes - sizeof(*udp);
	return UNDECIDED;
}

/* RFC 6040 section 4.2: the inner TOS that the two ECN fields make, and RFC 2983 section 3.1 what
 * the two DSCPs do. DROP_ECN is the caller's. */
static __always_inline __u8 tos_merge(__u8 outer, __u8 inner)
{
	__u8 mark = outer & TOS_ECN;

	if (config.dscp == DSCP_UNIFORM)
		inner = (outer & ~TOS_ECN) | (inner & TOS_ECN);
	if (mark == ECN_CE && (inner & TOS_ECN))
		return inner | ECN_CE;
	if (mark == ECN_ECT1 && (inner & TOS_ECN) == ECN_ECT0)
		return (inner & ~TOS_ECN) | ECN_ECT1;
	return inner;
}

/* RFC 6040 section 4.2: congestion that the inner transport cannot be told of. */
static __always_inline int ecn_lost(__u8 outer, __u8 inner)
{
	return (outer & TOS_ECN) == ECN_CE && !(inner & TOS_ECN);
}

/* Writes a new TOS into the IPv4 header behind the Ethernet header. Field and checksum change by
 * opposite amounts, so a checksum of the whole packet (CHECKSUM_COMPLETE) stays right. */
static __always_inline long ipv4_set_tos(struct __sk_buff *skb, __u8 from, __u8 to)
{
	const __u32 at = ETH_HLEN;

	return bpf_l3_csum_replace(skb, at + offsetof(struct iphdr, check), bpf_htons(from),
				   bpf_htons(to), sizeof(__u16))
		       ?: bpf_skb_store_bytes(skb, at + offsetof(struct iphdr, tos), &to,
					      sizeof(to), 0);
}

/* The traffic class stands between version and flow label; no header checksum makes up for it. */
static __always_inline long ipv6_set_tos(struct __sk_buff *skb, __u8 to)
{
	__u8 start[2];

	if (bpf_skb_load_bytes(skb, ETH_HLEN, start, sizeof(start)))
		return -1;
	start[0] = (start[0] & 0xf0) | to >> 4;
	start[1] = to << 4 | (start[1] & 0x0f);
	return bpf_skb_store_bytes(skb, ETH_HLEN, start, sizeof(start), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline long set_tos(struct __sk_buff *skb, const struct ip *inner, __u8 to)
{
	if (inner->tos == to)
		return 0;
	return inner->family == FAMILY_IPV4 ? ipv4_set_tos(skb, inner->tos, to)
					    : ipv6_set_tos(skb, to);
}

#endif
