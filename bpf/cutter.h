/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cutter.h: packets that can't be carried in one piece, and their pieces.
 *
 *   encapd_egress  ─┐                                                   ┌─► encapd_egress
 *   encapd_ingress ─┴► in ═ segments, checksums ═ out ─► encapd_cutter ─┴─► encapd_ingress
 *
 * Super-packets that the kernel can't mark for one encapsulation more, or one less, and packets
 * whose checksums are left to the NIC where we have to know them. The kernel sends them into the
 * cutter like into any NIC that can do nothing by itself. Pieces meet the program again that had
 * them cut: those for egress still carry NOBODY's MAC and come from the cutter, those for ingress
 * carry our mark. */
#ifndef ENCAPD_CUTTER_H
#define ENCAPD_CUTTER_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"
#include "packet.h"

#define AF_INET 2

/* Egress: the packet has passed here before, in one piece. */
static __always_inline int is_piece(const struct __sk_buff *skb)
{
	const __u32 from = came_from(skb);
	const struct cutter *cutter;

	if (!from)
		return 0;
	cutter = cutter_there();
	return cutter && from == cutter->out;
}

/* bpf_redirect to an interface that someone has deleted would lose the packet without a trace. Of
 * all that a lookup says only this matters: it fails first where there is no such interface. */
static __always_inline int is_interface(struct __sk_buff *skb, __u32 ifindex)
{
	struct bpf_fib_lookup lookup = {.family = AF_INET, .ifindex = ifindex};

	return bpf_fib_lookup(skb, &lookup, sizeof(lookup), 0) >= 0;
}

/* Has the packet cut, or drops it for the reason that it can't go whole. */
static __noinline enum verdict cut(struct __sk_buff *skb, enum verdict otherwise)
{
	const struct cutter *cutter = cutter_there();

	if (!cutter || !is_interface(skb, cutter->in))
		return otherwise;
	bpf_redirect(cutter->in, 0);
	return CUT;
}

#endif
