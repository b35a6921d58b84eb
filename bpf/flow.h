/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flow.h: what the host's own conntrack holds of a flow.
 *
 * A shortcut skips the hooks where policy and Services are decided. What they decided for a flow
 * stands in its conntrack entry, and whoever takes a decision back deletes the entry: so the entry
 * is looked up for each packet, and nothing is remembered beside it. */
#ifndef ENCAPD_FLOW_H
#define ENCAPD_FLOW_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"
#include "packet.h"

/* enum ip_conntrack_status, include/uapi/linux/netfilter/nf_conntrack_common.h */
#define IPS_ASSURED    (1U << 2)
#define IPS_CONFIRMED  (1U << 3)
#define IPS_SRC_NAT    (1U << 4)
#define IPS_DST_NAT    (1U << 5)
#define IPS_SEQ_ADJUST (1U << 6)
#define IPS_DYING      (1U << 9)
#define IPS_HELPER     (1U << 13)

/* Packets of such a flow go by unchanged, and nothing in the host wants to read them. */
#define IPS_PLAIN     (IPS_ASSURED | IPS_CONFIRMED)
#define IPS_NOT_PLAIN (IPS_SRC_NAT | IPS_DST_NAT | IPS_SEQ_ADJUST | IPS_DYING | IPS_HELPER)

/* enum tcp_conntrack, include/uapi/linux/netfilter/nf_conntrack_tcp.h. A flow is ASSURED by then,
 * and leaves it with the first FIN: the rest of the close is the stack's. */
#define TCP_CONNTRACK_ESTABLISHED 3

/* As far as we read it; libbpf finds where the running kernel has these members (CO-RE). */
struct nf_conn {
	__u32 timeout; /* jiffies at which the entry ends */
	unsigned long status;
	union {
		struct {
			__u8 state;
		} tcp;
	} proto;
} __attribute__((preserve_access_index));

struct bpf_ct_opts {
	__s32 netns_id; /* negative: the packet's own namespace */
	__s32 error;
	__u8 protocol;
	__u8 direction;
	__u8 reserved[2];
};

/* Functions of the kernel's nf_conntrack, for TC programs since 5.18. */
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 tuple_bytes, struct bpf_ct_opts *opts,
					 __u32 opts_bytes) __ksym;
extern void bpf_ct_release(struct nf_conn *flow) __ksym;

/* What a shortcut reads of a transport header. */
struct transport {
	__be16 source;
	__be16 destination;
	__u8 closes; /* TCP: one of SYN, FIN, RST, which change the connection's state */
};

/* Of UDP and TCP alone; 0: another protocol, or cut off. */
static __always_inline int transport_read(struct __sk_buff *skb, const struct ip *ip,
					  struct transport *transport)
{
	/* RFC 9293 section 3.1: flags are in the fourteenth byte */
	struct {
		__be16 source, destination;
		__u8 between[9];
		__u8 flags;
	} header;
	const __u32 at = ETH_HLEN + ip->header_bytes;

	if (ip->protocol == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(skb, at, &header, sizeof(struct udphdr)))
			return 0;
		transport->closes = 0;
	} else if (ip->protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at, &header, sizeof(header)))
			return 0;
		transport->closes = header.flags & 0x07; /* FIN, SYN, RST */
	} else {
		return 0;
	}
	transport->source = header.source;
	transport->destination = header.destination;
	return 1;
}

static __always_inline struct nf_conn *flow_find(struct __sk_buff *skb, const struct ip *ip,
						 const struct transport *transport)
{
	struct bpf_ct_opts opts = {.netns_id = -1, .protocol = ip->protocol};
	struct bpf_sock_tuple tuple = {};

	if (ip->family == FAMILY_IPV4) {
		tuple.ipv4.saddr = ip->source.word[0];
		tuple.ipv4.daddr = ip->destination.word[0];
		tuple.ipv4.sport = transport->source;
		tuple.ipv4.dport = transport->destination;
		return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	}
	__builtin_memcpy(tuple.ipv6.saddr, ip->source.word, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, ip->destination.word, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = transport->source;
	tuple.ipv6.dport = transport->destination;
	return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), &opts, sizeof(opts));
}

/* Whether the stack need not see this packet of the flow. It sees one each second: conntrack
 * forgets a flow that it sees no packet of. */
static __always_inline enum verdict flow_check(struct __sk_buff *skb, const struct ip *ip,
					       const struct transport *transport,
					       const struct shortcut *shortcut)
{
	const int is_tcp = ip->protocol == IPPROTO_TCP;
	const __u32 timeout = is_tcp ? shortcut->tcp_timeout : shortcut->udp_timeout;
	struct nf_conn *flow;
	int plain;
	__u32 left;

	if (config.fast == FAST_ALWAYS)
		return UNDECIDED;
	if (!timeout || transport->closes)
		return PASS_NO_SHORTCUT;
	flow = flow_find(skb, ip, transport);
	if (!flow)
		return PASS_FLOW_NEW;
	plain = (flow->status & (IPS_PLAIN | IPS_NOT_PLAIN)) == IPS_PLAIN &&
		(!is_tcp || flow->proto.tcp.state == TCP_CONNTRACK_ESTABLISHED);
	left = flow->timeout - (__u32)bpf_jiffies64();
	bpf_ct_release(flow);
	if (!plain)
		return PASS_FLOW_NEW;
	/* one that has ended is a negative number; one that ends later than any is another's */
	return timeout - left > shortcut->second ? PASS_FLOW_SHOWN : UNDECIDED;
}

#endif
