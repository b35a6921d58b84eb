/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* frame.h: what both directions ask of a frame. */
#ifndef ENCAPD_FRAME_H
#define ENCAPD_FRAME_H

#include "maps.h"
#include "packet.h"

/* Frames are read as far as their headers go and no further: where a frame is not in one piece, the
 * kernel copies what is asked for, packet by packet. */
static __always_inline __u32 ip_bytes_in(const struct __sk_buff *skb)
{
	return ETH_HLEN + (skb->protocol == bpf_htons(ETH_P_IPV6) ? sizeof(struct ipv6hdr)
								  : sizeof(struct iphdr));
}

static __always_inline int is_nobody(const __u8 mac[ETH_ALEN])
{
	return mac[0] == config.nobody_mac[0] && mac[1] == config.nobody_mac[1] &&
	       mac[2] == config.nobody_mac[2] && mac[3] == config.nobody_mac[3] &&
	       mac[4] == config.nobody_mac[4] && mac[5] == config.nobody_mac[5];
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

#endif
