/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ipip.h: IP-in-IP over IPv4, RFC 2003. Twin of src/encap/ipip.ts.
 *
 *   [Ethernet][outer IPv4, protocol 4][inner IPv4 ...] */
#ifndef ENCAPD_IPIP_H
#define ENCAPD_IPIP_H

#include "outer.h"

#define IPIP_BYTES sizeof(struct iphdr)

static __always_inline enum verdict ipip_push(struct __sk_buff *skb, const struct peer *self,
					      const struct peer *peer, __u8 tos)
{
	struct iphdr ip =
		outer_ipv4(self, peer, IPPROTO_IPIP, tos, skb->len - ETH_HLEN + IPIP_BYTES);

	return outer_push(skb, &ip, sizeof(ip), BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);
}

static __always_inline enum verdict ipip_pop(struct __sk_buff *skb)
{
	return outer_pop(skb, IPIP_BYTES, config.adjust_room_pop_ipip);
}

#endif
