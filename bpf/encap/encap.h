/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* encap.h: the encapsulations there are, and the only switches over enum encap.
 *
 * A new one is a header beside this file and a case in each function here. */
#ifndef ENCAPD_ENCAP_H
#define ENCAPD_ENCAP_H

#include "ipip.h"
#include "vxlan.h"

/* Whether an IP protocol can carry any of them: a quick no for most packets. */
static __always_inline int encap_possible(__u8 protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_IPIP;
}

/* What an IPv4 header announces behind it, where the cursor stands; ENCAP_NONE: nothing of ours. */
static __always_inline enum encap encap_announced(const struct iphdr *ip, struct cursor at)
{
	const struct udphdr *udp;

	switch (ip->protocol) {
	case IPPROTO_IPIP:
		return ENCAP_IPIP;
	case IPPROTO_UDP:
		if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
			return ENCAP_NONE; /* only first fragments have ports */
		udp = take_udp(&at);
		return udp && udp->dest == config.vxlan_port ? ENCAP_VXLAN : ENCAP_NONE;
	default:
		return ENCAP_NONE;
	}
}

/* Reads the encapsulation's own header. `left`: the bytes that outer lengths leave for the rest. */
static __always_inline enum verdict encap_open(enum encap encap, struct cursor *at, __u32 *left)
{
	switch (encap) {
	case ENCAP_IPIP:
		return UNDECIDED;
	case ENCAP_VXLAN:
		return udp_open(at, left) ?: vxlan_open(at, left);
	default:
		return PASS_NOT_OURS;
	}
}

/* Reads what stands between the encapsulation's header and the inner IP header. */
static __always_inline enum verdict encap_inner(enum encap encap, struct cursor *at, __u32 *left,
						const struct peer *self)
{
	switch (encap) {
	case ENCAP_VXLAN:
		return vxlan_inner(at, left, self);
	default:
		return UNDECIDED;
	}
}

static __always_inline enum verdict encap_push(enum encap encap, struct __sk_buff *skb,
					       const struct peer *self, const struct peer *peer,
					       __u8 tos)
{
	switch (encap) {
	case ENCAP_NONE:
		return DIRECT;
	case ENCAP_IPIP:
		return ipip_push(skb, self, peer, tos);
	case ENCAP_VXLAN:
		return vxlan_push(skb, self, peer, tos);
	default:
		return DROP_UNKNOWN_ENCAP;
	}
}

static __always_inline enum verdict encap_pop(enum encap encap, struct __sk_buff *skb,
					      __u8 inner_protocol)
{
	switch (encap) {
	case ENCAP_IPIP:
		return ipip_pop(skb);
	case ENCAP_VXLAN:
		return vxlan_pop(skb, inner_protocol);
	default:
		return PASS_NOT_OURS;
	}
}

#endif
