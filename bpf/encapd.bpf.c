// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* encapd.bpf.c: the programs on the underlay interface, and the one behind the cutter.
 *
 *   pool route ─► encapd_egress ─► pools ─► blocks ─► policies, peers ─► push ─► the peer
 *   without it ─► encapd_backstop ─► dropped
 *   wire ─► encapd_ingress ─► ours? ─► sources ─► inner addresses ─► pop ─► the stack
 *   cutter ─► encapd_cutter ─► the same program again, piece by piece
 *
 * With shortcuts around the stack: encapd_fast.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "ingress.h"
#include "programs.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int encapd_ingress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;
	struct ip inner;

	trace_meet(skb);
	return leave(skb, INGRESS, ingress(skb, &inner), frame_bytes);
}
