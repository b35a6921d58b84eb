/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ipip.h: IPv4 in IPv4, RFC 2003. Twin of src/encap/ipip.ts.
 *
 *   [Ethernet][outer IPv4, protocol 4][inner IPv4 ...] */
#ifndef ENCAPD_IPIP_H
#define ENCAPD_IPIP_H

#include "outer.h"

#define IPIP_BYTES sizeof(struct iphdr)

static __always_inline enum verdict ipip_push(struct __sk_buff *skb, const struct peer *self,
					      const struct peer *peer, const struct ip *inner)
{
	struct iphdr ip =
		outer_ipv4(self, peer, IPPROTO_IPIP, inner, skb->len - ETH_HLEN + IPIP_BYTES);

	if (inner->family != FAMILY_IPV4 || peer->family != FAMILY_IPV4)
		return DROP_UNKNOWN_ENCAP;
	return outer_push(skb, FAMILY_IPV4, FAMILY_IPV4, &ip, sizeof(ip), 0);
}

static __always_inline enum verdict ipip_pop(struct __sk_buff *skb, const struct ip *outer)
{
	return outer_pop(skb, FAMILY_IPV4, FAMILY_IPV4, outer->header_bytes,
			 config.adjust_room_pop_ipxip4);
}

#endif
