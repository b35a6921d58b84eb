/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* verdict.h: the one door by which packets leave, counted. */
#ifndef ENCAPD_VERDICT_H
#define ENCAPD_VERDICT_H

#include <linux/pkt_cls.h>
#include "maps.h"
#include "trace.h"

static __always_inline void count(struct traffic *traffic, __u32 bytes)
{
	traffic->packets++;
	traffic->bytes += bytes;
}

/* Counts the verdict and says it to tc. To pass is TC_ACT_UNSPEC, which is TCX_NEXT, after a
 * decapsulation too: TC_ACT_OK would keep the packet from the programs behind us on the hook. */
static __noinline int leave(struct __sk_buff *skb, enum direction direction, enum verdict verdict,
			    __u32 bytes)
{
	__u32 index = verdict;
	struct verdict_traffic *traffic = bpf_map_lookup_elem(&verdicts, &index);

	if (config.tell)
		skb->cb[0] = verdict;
	trace_leave(skb, direction, verdict);
	if (traffic)
		count(direction == EGRESS ? &traffic->egress : &traffic->ingress, bytes);
	switch (verdict) {
	case ENCAPSULATED:
	case DIRECT:
	case DIRECT_AGAIN:
	case ANSWERED_TOO_BIG:
	case CUT:
	case PIECE:
	case SHORTCUT_OUT:
	case SHORTCUT_IN:
		return TC_ACT_REDIRECT; /* the helper said where to */
	default:
		break;
	}
	return verdict >= FIRST_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* For those who run the programs on packets of their own: whose packet it is. */
static __always_inline void tell_peer(struct __sk_buff *skb, __u32 peer)
{
	if (config.tell)
		skb->cb[1] = peer + 1;
}

#endif
