/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ip6ip.h: IPv6 in IPv4 (RFC 4213 section 3) or in IPv6 (RFC 2473). Twin of src/encap/ip6ip.ts.
 *
 *   [Ethernet][outer IPv4 or IPv6, protocol 41][inner IPv6 ...]
 *
 * No encapsulation limit option (RFC 2473 section 5.1): nothing here encapsulates twice. */
#ifndef ENCAPD_IP6IP_H
#define ENCAPD_IP6IP_H

#include "outer.h"

static __always_inline __u32 ip6ip_bytes(enum family outer)
{
	return ip_least_bytes(outer);
}

static __always_inline enum verdict ip6ip_push(struct __sk_buff *skb, const struct peer *self,
					       const struct peer *peer, const struct ip *inner)
{
	const __u32 bytes = skb->len - ETH_HLEN;

	if (inner->family != FAMILY_IPV6)
		return DROP_UNKNOWN_ENCAP;
	if (peer->family == FAMILY_IPV4) {
		struct iphdr ip =
			outer_ipv4(self, peer, IPPROTO_IPV6, inner, bytes + sizeof(struct iphdr));

		return outer_push(skb, FAMILY_IPV4, FAMILY_IPV6, &ip, sizeof(ip), 0);
	} else {
		struct ipv6hdr ip = outer_ipv6(self, peer, IPPROTO_IPV6, inner,
					       bytes + sizeof(struct ipv6hdr), flow_of(skb, inner));

		return outer_push(skb, FAMILY_IPV6, FAMILY_IPV6, &ip, sizeof(ip), 0);
	}
}

static __always_inline enum verdict ip6ip_pop(struct __sk_buff *skb, const struct ip *outer)
{
	return outer_pop(skb, outer->family, FAMILY_IPV6, outer->header_bytes,
			 outer->family == FAMILY_IPV4 ? config.adjust_room_pop_ipxip4
						      : config.adjust_room_pop_ipxip6);
}

#endif
