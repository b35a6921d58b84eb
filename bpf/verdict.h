/* verdict.h: why packets leave, counted.
 *
 * Every way out of a program has a name here, and leave() is the only door. PASS_ goes on to the
 * next program and the stack, DROP_ ends the packet; behind the prefix stands the counter's name.
 * New names are appended before VERDICT_COUNT: user space reads the list from BTF. */
#ifndef ENCAPD_VERDICT_H
#define ENCAPD_VERDICT_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

enum direction {
	EGRESS,
	INGRESS,
};

enum verdict {
	UNDECIDED, /* no reason to leave yet: never counted */

	ENCAPSULATED, /* outer headers pushed, sent to the peer */
	DECAPSULATED, /* outer headers popped, handed to the stack */
	DIRECT,	      /* sent to the peer as it is: the pool's policy says so */

	/* Not ours. */
	PASS_NOT_IP,	  /* not IPv4 */
	PASS_NOT_POOL,	  /* egress: did not take a pool route */
	PASS_OWN_TUNNEL,  /* egress: second pass of a packet that we redirected */
	PASS_VLAN,	  /* ingress: for a VLAN device above this one */
	PASS_NOT_HOST,	  /* ingress: to another machine's MAC, broadcast or multicast */
	PASS_NOT_OURS,	  /* ingress: not to our address, or no encapsulation of ours */
	PASS_FOREIGN_VNI, /* ingress: another overlay's, on the same port */

	/* Egress: a pool route led here, but there is no way on. */
	DROP_IP_MALFORMED,    /* shorter than its own header says */
	DROP_TTL,	      /* RFC 791 section 3.2: a TTL of 0 must not travel */
	DROP_WORKLOAD_TUNNEL, /* a workload's own tunnel to a node, which would pass for ours */
	DROP_NOT_IN_POOL,     /* route left over, or pool not written yet */
	DROP_NO_BLOCK,	      /* Calico: no route */
	DROP_LOCAL_BLOCK,     /* unused address of our own block; Calico: blackhole */
	DROP_SRC_SPOOF,	      /* forwarded from a source that is not this node's */
	DROP_NO_PEER,	      /* block of a peer that was removed */
	DROP_NO_POLICY,	      /* block of a policy that does not exist */
	DROP_NO_SELF,	      /* this node has no underlay address yet */
	DROP_UNKNOWN_ENCAP,   /* written by a newer user space */
	DROP_TOO_BIG,	      /* does not fit the uplink once encapsulated */
	DROP_NESTED_TUNNEL,   /* carries offloads of a tunnel already: no kernel offloads two */

	/* Both: what the kernel refused. */
	DROP_GSO_TYPE,	  /* a super-packet that cannot carry this encapsulation */
	DROP_NO_HEADROOM, /* no memory to make or take the room */

	/* Ingress: the outer headers. */
	DROP_OUTER_IP_MALFORMED,
	DROP_OUTER_IP_OPTIONS,
	DROP_OUTER_FRAG,    /* RFC 7348 section 4.3: never fragmented; nor do our IPIP peers */
	DROP_OUTER_CSUM,    /* tc runs ahead of the stack: nobody has looked at it */
	DROP_OUTER_MARTIAN, /* from ourselves, or from an address that nobody has */
	DROP_UDP_MALFORMED,
	DROP_UNKNOWN_PEER, /* not from a node that may send us this encapsulation */

	/* Ingress: the encapsulation. */
	DROP_VXLAN_SHORT,
	DROP_VXLAN_FLAGS, /* RFC 7348 section 5: the I bit alone */
	DROP_INNER_SHORT,
	DROP_INNER_MAC,	   /* not to our VTEP */
	DROP_INNER_PROTO,  /* neither IPv4 nor IPv6 */
	DROP_INNER_FAMILY, /* IPv6: has an overlay of its own */

	/* Ingress: the packet inside. */
	DROP_INNER_IP_MALFORMED,
	DROP_INNER_TTL,
	DROP_INNER_MARTIAN,
	DROP_INNER_SRC,	    /* not the sender's to use */
	DROP_MODE_MISMATCH, /* the sender's, but its pool travels in another encapsulation */
	DROP_INNER_DST,	    /* not ours to deliver */
	DROP_ECN,	    /* RFC 6040 section 4.2: CE outside, not-ECT inside */
	DROP_INNER_UDP_GSO, /* this kernel would lose its segments in silence */

	VERDICT_COUNT,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VERDICT_COUNT);
	__type(key, __u32); /* enum verdict; BTF of an array wants a plain integer */
	__type(value, struct verdict_traffic);
} verdicts SEC(".maps");

static __always_inline void count(struct traffic *traffic, __u32 bytes)
{
	traffic->packets++;
	traffic->bytes += bytes;
}

/* Counts the verdict and says it to tc. To pass is TC_ACT_UNSPEC, which is TCX_NEXT, after a
 * decapsulation too: TC_ACT_OK would keep the packet from the programs behind us on the hook. */
static __noinline int leave(enum direction direction, enum verdict verdict, __u32 bytes)
{
	__u32 index = verdict;
	struct verdict_traffic *traffic = bpf_map_lookup_elem(&verdicts, &index);

	if (traffic)
		count(direction == EGRESS ? &traffic->egress : &traffic->ingress, bytes);
	if (verdict == ENCAPSULATED || verdict == DIRECT)
		return TC_ACT_REDIRECT; /* bpf_redirect_neigh said where to */
	return verdict >= DROP_IP_MALFORMED ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

#endif
