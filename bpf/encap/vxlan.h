/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vxlan.h: VXLAN, RFC 7348, of either family over either. Twin of src/encap/vxlan.ts.
 *
 *   [Ethernet][outer IPv4 or IPv6][UDP][VXLAN][inner Ethernet][inner IPv4 or IPv6 ...] */
#ifndef ENCAPD_VXLAN_H
#define ENCAPD_VXLAN_H

#include "checksum.h"
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

/* What stands between the outer and the inner IP header. */
struct vxlan_middle {
	struct udphdr udp;
	struct vxlan vxlan;
	struct ethhdr ethernet;
} __attribute__((packed));
_Static_assert(sizeof(struct vxlan_middle) == 30,
	       "VXLAN takes 30 bytes beside the outer IP header");

struct vxlan_over_ipv4 {
	struct iphdr ip;
	struct vxlan_middle middle;
} __attribute__((packed));

struct vxlan_over_ipv6 {
	struct ipv6hdr ip;
	struct vxlan_middle middle;
} __attribute__((packed));

static __always_inline __u32 vxlan_bytes(enum family outer)
{
	return ip_least_bytes(outer) + sizeof(struct vxlan_middle);
}

/* `bytes`: of the inner packet. */
static __always_inline struct vxlan_middle vxlan_middle(const struct peer *self,
							const struct peer *peer, enum family inner,
							__u32 bytes, __u32 flow)
{
	struct vxlan_middle middle = {
		.udp = {.source = flow_port(flow),
			.dest = config.vxlan_port,
			.len = length_field(bytes + sizeof(middle))},
		.vxlan = {.flags = VXLAN_I, .vni = {config.vni >> 16, config.vni >> 8, config.vni}},
		.ethernet = {.h_proto = ether_type_of(inner)},
	};

	__builtin_memcpy(middle.ethernet.h_dest, peer->vtep_mac, ETH_ALEN);
	__builtin_memcpy(middle.ethernet.h_source, self->vtep_mac, ETH_ALEN);
	return middle;
}

/* RFC 8200 section 8.1: of pseudo-header and datagram, and 0 means that there is none. */
static __always_inline __sum16 vxlan_ipv6_checksum(const struct vxlan_over_ipv6 *outer,
						   __u32 inner_bytes, long inner_sum)
{
	__u32 sum = sum_of(&outer->ip.saddr, 2 * sizeof(outer->ip.saddr), 0);

	sum = sum_of(&outer->middle, sizeof(outer->middle), sum);
	sum += bpf_htons(inner_bytes + sizeof(outer->middle)) + bpf_htons(IPPROTO_UDP);
	return checksum_of((__u64)sum + inner_sum) ?: 0xffff;
}

static __always_inline enum verdict vxlan_push_ipv4(struct __sk_buff *skb, const struct peer *self,
						    const struct peer *peer, const struct ip *inner,
						    __u64 flags)
{
	const __u32 bytes = skb->len - ETH_HLEN;
	/* RFC 7348 section 5: a UDP checksum of zero, inner checksums protect what matters */
	struct vxlan_over_ipv4 outer = {
		.ip = outer_ipv4(self, peer, IPPROTO_UDP, inner, bytes + sizeof(outer)),
		.middle = vxlan_middle(self, peer, inner->family, bytes, flow_of(skb, inner)),
	};

	return outer_push(skb, FAMILY_IPV4, inner->family, &outer, sizeof(outer), flags);
}

static __always_inline enum verdict vxlan_push_ipv6(struct __sk_buff *skb, const struct peer *self,
						    const struct peer *peer, const struct ip *inner,
						    __u64 flags)
{
	const __u32 bytes = skb->len - ETH_HLEN;
	const __u32 flow = flow_of(skb, inner);
	struct vxlan_over_ipv6 outer = {
		.ip = outer_ipv6(self, peer, IPPROTO_UDP, inner, bytes + sizeof(outer), flow),
		.middle = vxlan_middle(self, peer, inner->family, bytes, flow),
	};

	if (!peer->zero_checksum) {
		long sum = skb->gso_size ? -1 : inner_sum(skb);

		if (sum < 0)
			return DROP_NO_CHECKSUM;
		outer.middle.udp.check = vxlan_ipv6_checksum(&outer, bytes, sum);
	}
	return outer_push(skb, FAMILY_IPV6, inner->family, &outer, sizeof(outer), flags);
}

static __always_inline enum verdict vxlan_push(struct __sk_buff *skb, const struct peer *self,
					       const struct peer *peer, const struct ip *inner)
{
	const __u64 flags = BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) |
			    config.adjust_room_push;

	return peer->family == FAMILY_IPV4 ? vxlan_push_ipv4(skb, self, peer, inner, flags)
					   : vxlan_push_ipv6(skb, self, peer, inner, flags);
}

/* Reads the VXLAN header; `left` is what the UDP header leaves for it and counts down. */
static __always_inline enum verdict vxlan_open(struct cursor *at, __u32 *left)
{
	const struct vxlan *vxlan = at->pos;

	if (*left < sizeof(*vxlan) || (void *)(vxlan + 1) > at->end)
		return DROP_VXLAN_SHORT;
	/* RFC 7348 wants reserved bits ignored; they mean other protocols now (GBP, GPE), so the
	 * kernel's device drops such packets, and so do we */
	if (config.reserved_bits
		    ? !(vxlan->flags & VXLAN_I)
		    : vxlan->flags != VXLAN_I || vxlan->reserved[0] || vxlan->reserved[1] ||
			      vxlan->reserved[2] || vxlan->reserved_too)
		return DROP_VXLAN_FLAGS;
	if ((vxlan->vni[0] << 16 | vxlan->vni[1] << 8 | vxlan->vni[2]) != (int)config.vni)
		return config.shared_port ? PASS_FOREIGN_VNI : DROP_VNI_MISMATCH;
	at->pos = (void *)(vxlan + 1);
	*left -= sizeof(*vxlan);
	return UNDECIDED;
}

/* Reads the inner Ethernet header. */
static __always_inline enum verdict vxlan_inner(struct cursor *at, __u32 *left,
						const struct peer *self, enum family *inner)
{
	const struct ethhdr *ethernet = take_ethernet(at);

	if (*left < sizeof(*ethernet) || !ethernet)
		return DROP_INNER_SHORT;
	for (int i = 0; i < ETH_ALEN; i++)
		if (ethernet->h_dest[i] != self->vtep_mac[i])
			return DROP_INNER_MAC;
	*inner = family_of(ethernet->h_proto);
	if (!*inner)
		return DROP_INNER_PROTO;
	*left -= sizeof(*ethernet);
	return UNDECIDED;
}

static __always_inline enum verdict vxlan_pop(struct __sk_buff *skb, const struct ip *outer,
					      const struct ip *inner)
{
	enum verdict verdict;

	/* The packet stays marked as tunnelled; when a workload's socket has the kernel cut it up,
	 * the datagrams vanish without a trace. Only the newer flag clears the mark. */
	if (skb->gso_size && inner->protocol == IPPROTO_UDP &&
	    !(config.adjust_room_pop_vxlan & ADJ_ROOM_DECAP_L4_UDP))
		return DROP_INNER_UDP_GSO;
	verdict = outer_pop(skb, outer->family, inner->family,
			    outer->header_bytes + sizeof(struct vxlan_middle),
			    config.adjust_room_pop_vxlan);
	if (verdict == DECAPSULATED)
		bpf_csum_level(skb, BPF_CSUM_LEVEL_DEC); /* the outer UDP checksum is gone */
	return verdict;
}

#endif
