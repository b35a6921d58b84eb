/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* encap.h: the encapsulations there are, and the only switches over enum encap.
 *
 * A new one is a header beside this file and a case in each function here. */
#ifndef ENCAPD_ENCAP_H
#define ENCAPD_ENCAP_H

#include "ip6ip.h"
#include "ipip.h"
#include "vxlan.h"

/* Whether an IP protocol can carry any of them: a quick no for most packets. */
static __always_inline int encap_possible(enum family family, __u8 protocol)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return 1;
	case IPPROTO_IPIP:
		return family == FAMILY_IPV4;
	case IPPROTO_IPV6:
		return config.ip6ip;
	default:
		return 0;
	}
}

/* What an IP header announces behind it, where the cursor stands; ENCAP_NONE: nothing of ours.
 * It is not looked for behind IPv6 extension headers: our peers send none. */
static __always_inline enum encap encap_announced(const struct ip *ip, struct cursor at)
{
	const struct udphdr *udp;

	if (!encap_possible(ip->family, ip->protocol))
		return ENCAP_NONE;
	switch (ip->protocol) {
	case IPPROTO_IPIP:
		return ENCAP_IPIP;
	case IPPROTO_IPV6:
		return ENCAP_IP6IP;
	default:
		if (ip->fragment & bpf_htons(IPV4_FRAGMENT_OFFSET))
			return ENCAP_NONE; /* only first fragments have ports */
		udp = take_udp(&at);
		return udp && udp->dest == config.vxlan_port ? ENCAP_VXLAN : ENCAP_NONE;
	}
}

#define EXTENSIONS_MAX 8

/* Whether other headers of IPv6 may come between this one and a transport (RFC 8200 section 4). */
static __always_inline int is_extension(enum family family, __u8 protocol)
{
	if (family != FAMILY_IPV6)
		return 0;
	switch (protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
		return 1;
	default:
		return 0;
	}
}

/* What is announced behind an IPv6 packet's extension headers, the first of which is `protocol`: an
 * enum encap. Taken for a tunnel that hides: more of them than any host sends, and a first fragment
 * that ends before the last of them (RFC 7112 forbids it, a receiver may put it together all the
 * same). Not static: the verifier follows it once. */
__noinline int encap_hidden(struct __sk_buff *skb, __u32 protocol)
{
	__u32 at = ETH_HLEN + sizeof(struct ipv6hdr);
	struct {
		__u8 next;
		__u8 length;
		__be16 third; /* of a fragment: where it lies; of UDP: the destination port */
	} header;
	int beyond = ENCAP_NONE; /* what a cut off header may be */

	for (int i = 0; i <= EXTENSIONS_MAX; i++) {
		if (protocol == IPPROTO_IPV6)
			return config.ip6ip ? ENCAP_IP6IP : ENCAP_NONE;
		if (protocol != IPPROTO_UDP && !is_extension(FAMILY_IPV6, protocol))
			return ENCAP_NONE;
		if (bpf_skb_load_bytes(skb, at, &header, sizeof(header)))
			return beyond;
		if (protocol == IPPROTO_UDP)
			return header.third == config.vxlan_port ? ENCAP_VXLAN : ENCAP_NONE;
		if (protocol == IPPROTO_FRAGMENT && header.third & bpf_htons(0xfff8))
			return ENCAP_NONE; /* only first fragments have ports */
		if (protocol == IPPROTO_FRAGMENT) {
			at += 8;
			beyond = ENCAP_VXLAN;
		} else if (protocol == IPPROTO_AH)
			at += (header.length + 2) * 4; /* RFC 4302 section 2.2 */
		else
			at += (header.length + 1) * 8;
		protocol = header.next;
	}
	return ENCAP_VXLAN;
}

/* Reads the encapsulation's own header. `left`: the bytes that outer lengths leave for the rest. */
static __always_inline enum verdict encap_open(enum encap encap, struct cursor *at, __u32 *left)
{
	switch (encap) {
	case ENCAP_IPIP:
	case ENCAP_IP6IP:
		return UNDECIDED;
	case ENCAP_VXLAN:
		return udp_open(at, left) ?: vxlan_open(at, left);
	default:
		return PASS_NOT_OURS;
	}
}

/* Reads what stands between the encapsulation's header and the inner IP header, and its family. */
static __always_inline enum verdict encap_inner(enum encap encap, struct cursor *at, __u32 *left,
						const struct peer *self, enum family *inner)
{
	switch (encap) {
	case ENCAP_VXLAN:
		return vxlan_inner(at, left, self, inner);
	case ENCAP_IP6IP:
		*inner = FAMILY_IPV6;
		return UNDECIDED;
	default:
		*inner = FAMILY_IPV4;
		return UNDECIDED;
	}
}

/* What its headers add to a packet. */
static __always_inline __u32 encap_bytes(enum encap encap, enum family outer)
{
	switch (encap) {
	case ENCAP_IPIP:
		return IPIP_BYTES;
	case ENCAP_VXLAN:
		return vxlan_bytes(outer);
	case ENCAP_IP6IP:
		return ip6ip_bytes(outer);
	default:
		return 0;
	}
}

static __always_inline enum verdict encap_push(enum encap encap, struct __sk_buff *skb,
					       const struct peer *self, const struct peer *peer,
					       const struct ip *inner)
{
	switch (encap) {
	case ENCAP_NONE:
		return peer->family == inner->family ? DIRECT : DROP_UNKNOWN_ENCAP;
	case ENCAP_IPIP:
		return ipip_push(skb, self, peer, inner);
	case ENCAP_VXLAN:
		return vxlan_push(skb, self, peer, inner);
	case ENCAP_IP6IP:
		return ip6ip_push(skb, self, peer, inner);
	default:
		return DROP_UNKNOWN_ENCAP;
	}
}

static __always_inline enum verdict encap_pop(enum encap encap, struct __sk_buff *skb,
					      const struct ip *outer, const struct ip *inner)
{
	switch (encap) {
	case ENCAP_IPIP:
		return ipip_pop(skb, outer);
	case ENCAP_VXLAN:
		return vxlan_pop(skb, outer, inner);
	case ENCAP_IP6IP:
		return ip6ip_pop(skb, outer);
	default:
		return PASS_NOT_OURS;
	}
}

#endif
