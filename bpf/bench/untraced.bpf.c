/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* untraced.bpf.c: the programs without trace.h, for `npm run bench:trace`; not of the datapath. */
#define ENCAPD_TRACE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../maps.h"

static __always_inline void trace_meet(struct __sk_buff *skb)
{
	(void)skb;
}

static __always_inline void trace_leave(struct __sk_buff *skb, enum direction direction,
					enum verdict verdict)
{
	(void)skb;
	(void)direction;
	(void)verdict;
}

#include "../encapd.bpf.c"
