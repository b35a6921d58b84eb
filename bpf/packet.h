/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* packet.h: reading a packet without running off its end.
 *
 * A cursor walks over headers in place; each take_*() checks bounds, moves past the header and
 * returns it, or NULL. Pointers die at bpf_skb_adjust_room, bpf_skb_pull_data, bpf_skb_change_tail
 * and bpf_skb_store_bytes: take a new cursor after them. The programs read packets in place but
 * write only by bpf_skb_store_bytes: one direct write would make the kernel copy the headers of
 * every cloned packet that comes by, ours or not. */
#ifndef ENCAPD_PACKET_H
#define ENCAPD_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define IPV4_DF		     0x4000 /* RFC 791 section 3.1: flags and fragment offset */
#define IPV4_MF		     0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff

/* An IPv4 header with all its options, RFC 791 section 3.1: IHL counts to 15 words. */
#define IPV4_HEADER_MAX 60

struct cursor {
	void *pos;
	void *end;
};

/* skb->data and skb->data_end are 32-bit fields that the verifier turns into pointers. Left to
 * itself the compiler widens them with shifts or copies half a register, which no pointer may
 * suffer. */
static __always_inline void *frame_start(const struct __sk_buff *skb)
{
	void *start;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(start)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data)));
	return start;
}

static __always_inline void *frame_end(const struct __sk_buff *skb)
{
	void *end;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(end)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data_end)));
	return end;
}

/* The interface that a packet came in by; 0: it is this host's own. Read like this, for the
 * compiler would keep the field's address, and no pointer into the context may be kept. */
static __always_inline __u32 came_from(const struct __sk_buff *skb)
{
	__u32 interface;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(interface)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, ingress_ifindex)));
	return interface;
}

/* At the frame's first byte, with `bytes` of the frame readable, or all if it is shorter.
 *
 * GSO packets are never pulled: the kernel has their headers in one piece already, and a pull into
 * the fragment list of a UDP GSO packet crashes kernels before 6.16. */
static __always_inline struct cursor cursor_at(struct __sk_buff *skb, __u32 bytes)
{
	__u32 want = skb->len < bytes ? skb->len : bytes;
	struct cursor at;

	if (frame_start(skb) + want > frame_end(skb) && !skb->gso_size)
		bpf_skb_pull_data(skb, want);
	at.pos = frame_start(skb);
	at.end = frame_end(skb);
	return at;
}

static __always_inline struct ethhdr *take_ethernet(struct cursor *at)
{
	struct ethhdr *ethernet = at->pos;

	if ((void *)(ethernet + 1) > at->end)
		return NULL;
	at->pos = ethernet + 1;
	return ethernet;
}

static __always_inline struct udphdr *take_udp(struct cursor *at)
{
	struct udphdr *udp = at->pos;

	if ((void *)(udp + 1) > at->end)
		return NULL;
	at->pos = udp + 1;
	return udp;
}

/* The family that an EtherType announces; 0: neither. */
static __always_inline enum family family_of(__be16 ether_type)
{
	switch (ether_type) {
	case bpf_htons(ETH_P_IP):
		return FAMILY_IPV4;
	case bpf_htons(ETH_P_IPV6):
		return FAMILY_IPV6;
	default:
		return 0;
	}
}

static __always_inline __be16 ether_type_of(enum family family)
{
	return family == FAMILY_IPV4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
}

static __always_inline struct address ipv4_address(__be32 address)
{
	return (struct address){.word = {address}};
}

static __always_inline struct address ipv6_address(const struct in6_addr *address)
{
	return (struct address){.word = {address->in6_u.u6_addr32[0], address->in6_u.u6_addr32[1],
					 address->in6_u.u6_addr32[2], address->in6_u.u6_addr32[3]}};
}

static __always_inline int same_address(const struct address *a, const struct address *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

/* Addresses that no packet may come from, nor go to in a tunnel. IPv4, RFC 1122 section 3.2.1.3:
 * 0/8, 127/8, 224/4 and above. IPv6, RFC 4291 section 2: unspecified, loopback and those that hold
 * IPv4 addresses, link-local, multicast. */
static __always_inline int is_martian(enum family family, const struct address *address)
{
	__u32 first = bpf_ntohl(address->word[0]);

	if (family == FAMILY_IPV4)
		return first >> 24 == 0 || first >> 24 == 127 || first >> 24 >= 224;
	if (!first && !address->word[1])
		return !address->word[2] || address->word[2] == bpf_htonl(0xffff);
	return first >> 22 == 0xfe80 >> 6 || first >> 24 == 0xff;
}

/* What decisions need of an IP header: a copy, for it must outlive pointers. */
struct ip {
	enum family family;
	struct address source;
	struct address destination;
	__u32 header_bytes; /* with IPv4 options, not IPv6 extension headers; 0: malformed */
	__u32 bytes;	    /* of header and payload, by the header itself */
	__be16 fragment;    /* IPv4 flags and offset */
	__u8 tos;	    /* DSCP and ECN: IPv4 TOS, IPv6 traffic class */
	__u8 ttl;	    /* IPv6: hop limit */
	__u8 protocol;	    /* IPv6: next header */
	__u8 may_be_cut;    /* set by whoever finds that routers have to fragment it */
};

static __always_inline int ipv4_see(const struct cursor *at, struct ip *packet)
{
	const struct iphdr *ip = at->pos;

	if ((void *)(ip + 1) > at->end)
		return 0;
	*packet = (struct ip){
		.family = FAMILY_IPV4,
		.source = ipv4_address(ip->saddr),
		.destination = ipv4_address(ip->daddr),
		/* RFC 791 section 3.1: IHL counts words, 5 at least */
		.header_bytes = ip->version == 4 && ip->ihl >= 5 ? ip->ihl * 4 : 0,
		.bytes = bpf_ntohs(ip->tot_len),
		.fragment = ip->frag_off,
		.tos = ip->tos,
		.ttl = ip->ttl,
		.protocol = ip->protocol,
	};
	return 1;
}

static __always_inline int ipv6_see(const struct cursor *at, struct ip *packet)
{
	const struct ipv6hdr *ip = at->pos;

	if ((void *)(ip + 1) > at->end)
		return 0;
	*packet = (struct ip){
		.family = FAMILY_IPV6,
		.source = ipv6_address(&ip->saddr),
		.destination = ipv6_address(&ip->daddr),
		.header_bytes = ip->version == 6 ? sizeof(*ip) : 0,
		.bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len),
		.tos = ip->priority << 4 | ip->flow_lbl[0] >> 4,
		.ttl = ip->hop_limit,
		.protocol = ip->nexthdr,
	};
	return 1;
}

/* Reads what stands where the header has its fields, if it is one or not; the cursor stays. 0: too
 * short for one. */
static __always_inline int ip_see(enum family family, const struct cursor *at, struct ip *packet)
{
	return family == FAMILY_IPV4 ? ipv4_see(at, packet) : ipv6_see(at, packet);
}

/* Reads the header where the cursor stands; 0: it is none of that family. */
static __always_inline int ip_read(enum family family, const struct cursor *at, struct ip *packet)
{
	return ip_see(family, at, packet) && packet->header_bytes;
}

/* Whether the stated length can be so: RFC 791 section 3.1. Hop-by-hop options behind an IPv6
 * payload length of 0 would state the length of a jumbogram (RFC 2675): no tunnel carries it. */
static __always_inline int ip_length_is_sane(const struct ip *packet)
{
	if (packet->family == FAMILY_IPV6 && packet->protocol == IPPROTO_HOPOPTS)
		return packet->bytes > packet->header_bytes;
	return packet->bytes >= packet->header_bytes;
}

/* Length of the shortest header of a family. */
static __always_inline __u32 ip_least_bytes(enum family family)
{
	return family == FAMILY_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* A packet whose ports stand right behind its IP header. */
static __always_inline int has_ports(const struct ip *ip)
{
	return (ip->protocol == IPPROTO_UDP || ip->protocol == IPPROTO_TCP) &&
	       ip->header_bytes == ip_least_bytes(ip->family) &&
	       !(ip->fragment & bpf_htons(IPV4_MF | IPV4_FRAGMENT_OFFSET));
}

/* Moves past a header that ip_read() has read. */
static __always_inline int ip_skip(struct cursor *at, const struct ip *packet)
{
	__u32 bytes = packet->header_bytes;

	if (bytes > IPV4_HEADER_MAX || at->pos + bytes > at->end)
		return 0;
	at->pos += bytes;
	return 1;
}

#endif
