/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vxlan.h: VXLAN over IPv4, RFC 7348. Twin of src/encap/vxlan.ts.
 *
 *   [Ethernet][outer IPv4][UDP][VXLAN][inner Ethernet][inner IPv4 ...] */
#ifndef ENCAPD_VXLAN_H
#define ENCAPD_VXLAN_H

#include "outer.h"

/* Brought by kernels newer than these headers may be. */
#define ADJ_ROOM_DECAP_L4_UDP                                                                      \
	(1U << 10) /* after 6.18, in 7.3: clears what GSO knew of the outer UDP */

#define VXLAN_I 0x08 /* RFC 7348 section 5: the VNI is valid; all other bits are reserved */

struct vxlan {
	__u8 flags;
	__u8 reserved[3];
	__u8 vni[3];
	__u8 reserved_too;
};

struct vxlan_headers {
	struct iphdr ip;
	struct udphdr udp;
	struct vxlan vxlan;
	struct ethhdr ethernet;
} __attribute__((packed));
_Static_assert(sizeof(struct vxlan_headers) == 50, "VXLAN over IPv4 takes 50 bytes");

static __always_inline enum verdict vxlan_push(struct __sk_buff *skb, const struct peer *self,
					       const struct peer *peer, __u8 tos)
{
	const __u32 bytes = skb->len - ETH_HLEN + sizeof(struct vxlan_headers);
	struct vxlan_headers outer = {
		.ip = outer_ipv4(self, peer, IPPROTO_UDP, tos, bytes),
		/* RFC 7348 section 5: a UDP checksum of zero, inner checksums protect what matters
		 */
		.udp = {.source = flow_port(skb),
			.dest = config.vxlan_port,
			.len = bpf_htons(bytes - sizeof(struct iphdr))},
		.vxlan = {.flags = VXLAN_I, .vni = {config.vni >> 16, config.vni >> 8, config.vni}},
		.ethernet = {.h_proto = bpf_htons(ETH_P_IP)},
	};

	__builtin_memcpy(outer.ethernet.h_dest, peer->vtep_mac, ETH_ALEN);
	__builtin_memcpy(outer.ethernet.h_source, self->vtep_mac, ETH_ALEN);
	return outer_push(skb, &outer, sizeof(outer),
			  BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
				  BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) | config.adjust_room_push);
}

/* Reads the VXLAN header; `left` is what the UDP header leaves for it and counts down. */
static __always_inline enum verdict vxlan_open(struct cursor *at, __u32 *left)
{
	const struct vxlan *vxlan = at->pos;

	if (*left < sizeof(*vxlan) || (void *)(vxlan + 1) > at->end)
		return DROP_VXLAN_SHORT;
	/* RFC 7348 wants reserved bits ignored; they mean other protocols now (GBP, GPE), so the
	 * kernel's device drops such packets, and so do we */
	if (vxlan->flags != VXLAN_I || vxlan->reserved[0] || vxlan->reserved[1] ||
	    vxlan->reserved[2] || vxlan->reserved_too)
		return DROP_VXLAN_FLAGS;
	if ((vxlan->vni[0] << 16 | vxlan->vni[1] << 8 | vxlan->vni[2]) != (int)config.vni)
		return PASS_FOREIGN_VNI;
	at->pos = (void *)(vxlan + 1);
	*left -= sizeof(*vxlan);
	return UNDECIDED;
}

/* Reads the inner Ethernet header. */
static __always_inline enum verdict vxlan_inner(struct cursor *at, __u32 *left,
						const struct peer *self)
{
	const struct ethhdr *ethernet = take_ethernet(at);

	if (*left < sizeof(*ethernet) || !ethernet)
		return DROP_INNER_SHORT;
	for (int i = 0; i < ETH_ALEN; i++)
		if (ethernet->h_dest[i] != self->vtep_mac[i])
			return DROP_INNER_MAC;
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
		return DROP_INNER_FAMILY;
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		return DROP_INNER_PROTO;
	*left -= sizeof(*ethernet);
	return UNDECIDED;
}

static __always_inline enum verdict vxlan_pop(struct __sk_buff *skb, __u8 inner_protocol)
{
	enum verdict verdict;

	/* The packet stays marked as tunnelled; when a workload's socket has the kernel cut it up,
	 * the datagrams vanish without a trace. Only the newer flag clears the mark. */
	if (skb->gso_size && inner_protocol == IPPROTO_UDP &&
	    !(config.adjust_room_pop_vxlan & ADJ_ROOM_DECAP_L4_UDP))
		return DROP_INNER_UDP_GSO;
	verdict = outer_pop(skb, sizeof(struct vxlan_headers), config.adjust_room_pop_vxlan);
	if (verdict == DECAPSULATED)
		bpf_csum_level(skb, BPF_CSUM_LEVEL_DEC); /* the outer UDP checksum is gone */
	return verdict;
}

#endif
