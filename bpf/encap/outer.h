/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* outer.h: what all encapsulations share: outer IPv4 and UDP, room in the packet, ECN.
 *
 * Headers are built on the stack before the packet changes, for pointers into it die with
 * bpf_skb_adjust_room. */
#ifndef ENCAPD_OUTER_H
#define ENCAPD_OUTER_H

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

#define TOS_ECN	 0x03 /* RFC 3168 section 5 */
#define ECN_ECT1 0x01
#define ECN_ECT0 0x02
#define ECN_CE	 0x03

/* RFC 1071, of a header without options; 0 over one that holds its own checksum. */
static __always_inline __sum16 ipv4_checksum(const struct iphdr *ip)
{
	const __u16 *word = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < sizeof(*ip) / sizeof(*word); i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (__u16)~sum;
}

/* The header in front of everything, for an inner packet that becomes `bytes` long with it. */
static __always_inline struct iphdr outer_ipv4(const struct peer *self, const struct peer *peer,
					       __u8 protocol, __u8 tos, __u32 bytes)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tos = tos, /* RFC 6040 section 4.1, normal mode: ECN too */
		/* super-packets may outgrow the field: 0, as in the kernel; segments get theirs */
		.tot_len = bytes > 0xffff ? 0 : bpf_htons(bytes),
		.frag_off = bpf_htons(IPV4_DF), /* RFC 2003 section 3.1, RFC 7348 section 4.3 */
		.ttl = config.outer_ttl,
		.protocol = protocol,
		.saddr = self->underlay.word[0],
		.daddr = peer->underlay.word[0],
	};

	ip.check = ipv4_checksum(&ip);
	return ip;
}

/* One flow, one port: routers and NICs spread flows by it. A push changes the hash: ask before. */
static __always_inline __be16 flow_port(struct __sk_buff *skb)
{
	__u32 hash = bpf_get_hash_recalc(skb);

	hash ^= hash >> FLOW_PORT_BITS ^ hash >> (2 * FLOW_PORT_BITS);
	return bpf_htons(FLOW_PORT_MIN + (hash & ((1 << FLOW_PORT_BITS) - 1)));
}

static __always_inline int fits_uplink(struct __sk_buff *skb, __u32 headers_bytes)
{
	__u32 mtu = 0;

	/* the helper is unknown to kernels before 5.12: this must stay a dead branch there */
	if (!config.check_mtu)
		return 1;
	return bpf_check_mtu(skb, 0, &mtu, headers_bytes, 0) != BPF_MTU_CHK_RET_FRAG_NEEDED;
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

/* Puts headers between the Ethernet and the inner IP header. */
static __always_inline enum verdict outer_push(struct __sk_buff *skb, const void *headers,
					       __u32 bytes, __u64 flags)
{
	long error;

	if (!fits_uplink(skb, bytes))
		return DROP_TOO_BIG;
	error = bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, flags | ROOM_FLAGS);
	if (error)
		return refusal(skb, error);
	if (bpf_skb_store_bytes(skb, ETH_HLEN, headers, bytes, 0))
		return DROP_NO_HEADROOM;
	return ENCAPSULATED;
}

/* Takes away what outer_push put there. */
static __always_inline enum verdict outer_pop(struct __sk_buff *skb, __u32 bytes, __u64 flags)
{
	long error = bpf_skb_adjust_room(skb, -(__s32)bytes, BPF_ADJ_ROOM_MAC, flags | ROOM_FLAGS);

	return error ? refusal(skb, error) : DECAPSULATED;
}

/* What the stack would check of the outer IPv4 header, had it seen the packet before us. */
static __always_inline enum verdict outer_ipv4_check(const struct iphdr *ip, __u32 frame_bytes)
{
	__u32 bytes = bpf_ntohs(ip->tot_len);

	if (ip->frag_off & bpf_htons(IPV4_MF | IPV4_FRAGMENT_OFFSET))
		return DROP_OUTER_FRAG;
	if (bytes < ip->ihl * 4U || bytes > frame_bytes - ETH_HLEN)
		return DROP_OUTER_IP_MALFORMED;
	if (ip->ihl != 5)
		return DROP_OUTER_IP_OPTIONS;
	if (ipv4_checksum(ip))
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

/* RFC 6040 section 4.2: the inner TOS that the two ECN fields make. DROP_ECN is the caller's. */
static __always_inline __u8 ecn_merge(__u8 outer, __u8 inner)
{
	__u8 mark = outer & TOS_ECN;

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

	if (from == to)
		return 0;
	return bpf_l3_csum_replace(skb, at + offsetof(struct iphdr, check), bpf_htons(from),
				   bpf_htons(to), sizeof(__u16))
		       ?: bpf_skb_store_bytes(skb, at + offsetof(struct iphdr, tos), &to,
					      sizeof(to), 0);
}

#endif
