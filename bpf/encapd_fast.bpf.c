// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* encapd_fast.bpf.c: the programs with shortcuts around the host's stack (NodeConfig fastPath).
 *
 * An object of its own: it needs functions of the kernel that older ones don't have. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "ingress.h"
#include "programs.h"
#include "shortcut.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int encapd_ingress(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;
	struct ip inner = {};
	enum verdict verdict;

	trace_meet(skb);
	verdict = ingress(skb, &inner);
	if (verdict == DECAPSULATED)
		verdict = shortcut_in(skb, &inner);
	return leave(skb, INGRESS, verdict, frame_bytes);
}

/* On the host's end of each workload's veth pair. */
SEC("tc")
int encapd_workload(struct __sk_buff *skb)
{
	const __u32 frame_bytes = skb->len;

	trace_meet(skb);
	return leave(skb, EGRESS, shortcut_out(skb), frame_bytes);
}
