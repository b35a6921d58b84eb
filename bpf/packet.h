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
#include <linux/ip.h>
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

/* The fixed part of an IPv4 header; the cursor stays, for options may lie beyond what is readable.
 */
static __always_inline struct iphdr *see_ipv4(const struct cursor *at)
{
	struct iphdr *ip = at->pos;

	if ((void *)(ip + 1) > at->end)
		return NULL;
	/* RFC 791 section 3.1: IHL counts words, 5 at least */
	return ip->version == 4 && ip->ihl >= 5 ? ip : NULL;
}

static __always_inline struct iphdr *take_ipv4(struct cursor *at)
{
	struct iphdr *ip = see_ipv4(at);

	if (!ip)
		return NULL;
	at->pos = (void *)ip + ip->ihl * 4;
	return at->pos <= at->end ? ip : NULL;
}

static __always_inline struct udphdr *take_udp(struct cursor *at)
{
	struct udphdr *udp = at->pos;

	if ((void *)(udp + 1) > at->end)
		return NULL;
	at->pos = udp + 1;
	return udp;
}

/* RFC 1122 section 3.2.1.3: addresses that no packet may come from. 0/8, 127/8, 224/4 and above. */
static __always_inline int is_martian(__be32 address)
{
	__u8 first = bpf_ntohl(address) >> 24;

	return first == 0 || first == 127 || first >= 224;
}

static __always_inline struct address ipv4_address(__be32 address)
{
	return (struct address){.word = {address}};
}

/* What decisions need of the packet that travels inside: a copy, for it must outlive pointers. */
struct inner {
	enum family family;
	struct address source;
	struct address destination;
	__u32 bytes; /* by its own header */
	__u8 tos;
	__u8 ttl;
	__u8 protocol;
};

static __always_inline struct inner inner_ipv4(const struct iphdr *ip)
{
	return (struct inner){
		.family = FAMILY_IPV4,
		.source = ipv4_address(ip->saddr),
		.destination = ipv4_address(ip->daddr),
		.bytes = bpf_ntohs(ip->tot_len),
		.tos = ip->tos,
		.ttl = ip->ttl,
		.protocol = ip->protocol,
	};
}

#endif
