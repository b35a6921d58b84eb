/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* programs.h: the programs that are the same with and without shortcuts. */
#ifndef ENCAPD_PROGRAMS_H
#define ENCAPD_PROGRAMS_H

#include "egress.h"

SEC("tc")
int encapd_egress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;
	int stays = 0;
	int action;

	trace_meet(skb);
	action = leave(skb, EGRESS, egress(skb, &stays), frame_bytes);
	return stays ? leave(skb, EGRESS, PASS_OWN_TUNNEL, skb->len) : action;
}

/* Behind encapd_egress on the same hook. Where somebody has taken that off, what it would have
 * encapsulated is held here: a frame to a MAC that no machine has is read by whoever listens. What
 * passes was counted in front. */
SEC("tc")
int encapd_backstop(struct __sk_buff *skb)
{
	struct cursor at = cursor_at(skb, ETH_HLEN);
	const struct ethhdr *ethernet = take_ethernet(&at);

	if (!ethernet || !is_nobody(ethernet->h_dest))
		return TC_ACT_UNSPEC;
	trace_meet(skb);
	return leave(skb, EGRESS, DROP_NO_PROGRAM, skb->len);
}

/* Where pieces come out. What else may stray here, the stack has no address for. */
SEC("tc")
int encapd_cutter(struct __sk_buff *skb)
{
	struct cursor at = cursor_at(skb, ETH_HLEN);
	const struct ethhdr *ethernet = take_ethernet(&at);
	const struct cutter *cutter = cutter_there();

	trace_meet(skb);
	if (!cutter || !ethernet)
		return leave(skb, INGRESS, PASS_NOT_OURS, skb->len);
	if (is_nobody(ethernet->h_dest)) {
		bpf_redirect(cutter->uplink, 0);
		return leave(skb, EGRESS, PIECE, skb->len);
	}
	/* what IPv6 says to all on a link that comes up has no mark, but another number in its
	 * place */
	if (!(skb->mark & config.own_mark) || ethernet->h_dest[0] & 1)
		return leave(skb, INGRESS, PASS_NOT_OURS, skb->len);
	bpf_redirect(cutter->uplink, BPF_F_INGRESS);
	return leave(skb, INGRESS, PIECE, skb->len);
}

#endif
