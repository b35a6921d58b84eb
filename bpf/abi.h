/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* abi.h: the bytes that user space writes and the programs read.
 *
 * Addresses, ports and MACs are in network order, all else in host order. Padding is spelled out
 * and zero. src/datapath/abi.ts declares the same layouts and is compared with this file's BTF at
 * load: a difference refuses to start. Enums are members of the structs, so that their names reach
 * BTF. */
#ifndef ENCAPD_ABI_H
#define ENCAPD_ABI_H

#include <linux/types.h>

#define ABI_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " changed size")

/* How a packet for a remote block crosses the underlay. */
enum encap {
	ENCAP_NONE = 0,	 /* routed as it is */
	ENCAP_IPIP = 1,	 /* RFC 2003: IPv4 in IPv4 */
	ENCAP_VXLAN = 2, /* RFC 7348 */
	ENCAP_IP6IP = 3, /* RFC 4213, RFC 2473: IPv6 in either */
};

/* Part of every key that holds an address: keys of two families never compare equal. */
enum family {
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

/* IPv4: word[0], the rest zero. IPv6: all four words. */
struct address {
	__be32 word[4];
};
ABI_SIZE(struct address, 16);

/* pools: LPM trie, pool CIDR -> prefix lengths of the blocks in it, and where they are found.
 * prefix_length counts the 32 bits of family too. */
struct pool_key {
	__u32 prefix_length;
	enum family family;
	struct address address;
};
ABI_SIZE(struct pool_key, 24);

/* More than there are block sizes in Calico (IPv4 20..32, IPv6 116..128). */
#define POOL_BLOCK_LENGTHS 16

struct pool {
	__u8 block_lengths[POOL_BLOCK_LENGTHS]; /* longest first, 0 ends the list */
	/* Where its blocks of one length are found in slots, by their place in the pool. */
	__u32 first_slot;
	__u32 slot_count; /* a power of two; 0: its blocks are in blocks, all of them */
	__u32 policy;	  /* of those in slots, as in struct block */
	__u8 slot_length; /* prefix length of these blocks */
	__u8 slot_shift;  /* bits of an address behind it */
	__u8 zero[2];
};
ABI_SIZE(struct pool, 32);

/* blocks: hash, {prefix length, masked address} -> owner and policy, of what is not in slots. An
 * address that is borrowed or allocated outside its block's node is an entry of its own (/32,
 * /128). */
struct block_key {
	enum family family;
	__u32 prefix_length;
	struct address address;
};
ABI_SIZE(struct block_key, 24);

enum policy_index {
	/* the pool is not ours to route: the entry says whose the addresses are, and no more */
	NO_POLICY = 0xffffffff,
};

struct block {
	__u32 peer;   /* index into peers; SELF_* when the block is this node's */
	__u32 policy; /* enum policy_index, or an index into policies */
};
ABI_SIZE(struct block, 8);

#define SLOTS_OF_A_LINE 32

/* slots: array; pools say whose part of it which is. Two bytes are all that most blocks need: where
 * a million of them take 2 MB, caches go far. */
struct slot_line {
	/* 0: no such block here, but there may be one in blocks. Else twice the index of its peer
	 * and 2; and 1, where addresses of it have entries of their own, in blocks */
	__u16 slot[SLOTS_OF_A_LINE];
};
ABI_SIZE(struct slot_line, 64);

/* policies: array, one for each innermost pool: a mode switch is one write. */
struct policy {
	enum encap same_subnet;	 /* towards peers in this node's subnet */
	enum encap other_subnet; /* towards all others */
	__u32 accepted;		 /* bit (1 << enum encap): what may carry packets to this pool */
	enum family underlay;	 /* of the outer headers that may */
};
ABI_SIZE(struct policy, 16);

/* peers: array, one entry for each node and family. The first two are this node. */
enum peer_index {
	SELF_IPV4 = 0,
	SELF_IPV6 = 1,
	FIRST_PEER = 2,
	/* in struct source only: FelixConfiguration externalNodesList */
	PEER_EXTERNAL = 0xffffffff,
};

struct peer {
	enum family family;	 /* of the underlay address; 0: this index is unused */
	struct address underlay; /* outer destination; of SELF: outer source */
	__u32 node;		 /* the same number for all entries of one node */
	__u8 vtep_mac[6];	 /* inner destination MAC; of SELF: inner source MAC */
	__u8 same_subnet;	 /* 1: this node's prefix contains the underlay address */
	__u8 zero_checksum;	 /* 1: takes UDP over IPv6 without a checksum, RFC 6935 */
};
ABI_SIZE(struct peer, 32);

/* sources: hash, outer source address -> who may send us what. */
struct source_key {
	enum family family;
	struct address address;
};
ABI_SIZE(struct source_key, 20);

struct source {
	__u32 peer;	/* enum peer_index, or an index into peers */
	__u32 accepted; /* bit (1 << enum encap) */
};
ABI_SIZE(struct source, 8);

/* externals: LPM trie with struct pool_key, externalNodesList CIDR -> struct source. */

/* cutters: array with one place. A pair of veth without offloads: what goes in at one end comes out
 * at the other in pieces of wire size, with all checksums written. Interface indices; all 0: there
 * is none. */
struct cutter {
	__u32 in;
	__u32 out;
	__u32 uplink; /* where pieces go back to */
};
ABI_SIZE(struct cutter, 12);

/* workloads: hash with struct source_key, a workload's address -> where it is. Of this node's, and
 * while there are shortcuts only. */
struct workload {
	__u32 interface; /* the host's end of its veth pair */
	__u32 mtu;	 /* of that end */
	__u8 mac[6];	 /* the workload's */
	__u8 host_mac[6];
};
ABI_SIZE(struct workload, 20);

/* shortcuts: array with one place, what they have to know that changes as the node runs. All 0:
 * every packet takes the stack. */
struct shortcut {
	__u32 uplink; /* interface index */
	__u32 uplink_mtu;
	__u32 route_mtu; /* the least of the pools' routes */
	/* FAST_GUARDED, in jiffies: how long the host's conntrack keeps a flow after a packet; 0:
	 * packets of this protocol take the stack */
	__u32 tcp_timeout;
	__u32 udp_timeout;
	__u32 second;
};
ABI_SIZE(struct shortcut, 24);

struct traffic {
	__u64 packets;
	__u64 bytes; /* of the frame as the program met it */
};
ABI_SIZE(struct traffic, 16);

/* Which program speaks. */
enum direction {
	EGRESS,
	INGRESS,
};

/* Why a packet leaves a program: every way out has a name. PASS_ goes on to the next program and
 * the stack, DROP_ ends the packet; behind the prefix stands the counter's name. User space reads
 * the list from BTF: a new name needs nothing there. */
enum verdict {
	UNDECIDED, /* no reason to leave yet: never counted */

	ENCAPSULATED, /* outer headers pushed, sent to the peer */
	DECAPSULATED, /* outer headers popped, handed to the stack */
	DIRECT,	      /* sent to the peer as it is: the pool's policy says so */
	DIRECT_AGAIN, /* the same packet, once the next hop it waited for had answered */
	CUT,	      /* can't be carried in one piece: handed to the cutter */
	PIECE,	      /* came out of the cutter, handed back to the program that had it cut */
	SHORTCUT_OUT, /* from a workload to the peer, past the stack */
	SHORTCUT_IN,  /* from the peer to a workload, past the stack */

	ANSWERED_TOO_BIG, /* does not fit the uplink or the path: its sender was told instead */

	/* Not ours. */
	PASS_NOT_IP,	  /* egress: neither IPv4 nor IPv6 */
	PASS_NOT_POOL,	  /* egress: did not take a pool route */
	PASS_OWN_TUNNEL,  /* egress: leaves with our headers, or sent on by us */
	PASS_NOT_HOST,	  /* ingress: to our address, but not to our MAC */
	PASS_NOT_OURS,	  /* ingress: not to our address, or no encapsulation of ours */
	PASS_FOREIGN_VNI, /* ingress: another overlay's, on the same port */
	PASS_PATH_MTU,	  /* ingress: a router can't forward our tunnel packets: learned */
	PASS_NO_SHORTCUT, /* workload: nothing for a shortcut, or the stack has to look at it */
	PASS_FLOW_NEW,	  /* workload: conntrack does not hold the flow as answered, without NAT */
	PASS_FLOW_SHOWN,  /* workload: once a second, so that conntrack's entry lives on */

	/* Egress: a pool route led here, but there is no way on. */
	DROP_IP_MALFORMED,    /* shorter than its own header says */
	DROP_TTL,	      /* RFC 791 section 3.2: a TTL of 0 must not travel */
	DROP_WORKLOAD_TUNNEL, /* a workload's own tunnel to a node, which would pass for ours */
	DROP_NOT_IN_POOL,     /* route left over, or pool not written yet */
	DROP_NO_BLOCK,	      /* Calico: no route */
	DROP_LOCAL_BLOCK,     /* unused address of our own block; Calico: blackhole */
	DROP_SRC_SPOOF,	      /* forwarded from a source that is not this node's */
	DROP_NO_PEER,	      /* block of a peer that was removed */
	DROP_NO_POLICY,	      /* block of a pool that is not ours to route */
	DROP_NO_SELF,	      /* this node has no underlay address yet */
	DROP_UNKNOWN_ENCAP,   /* written by a newer user space */
	DROP_TOO_BIG,	      /* does not fit, and nobody may be told: an ICMP error, no DF */
	DROP_NO_CHECKSUM,     /* there has to be a UDP checksum that nobody can compute here */
	DROP_NESTED_TUNNEL,   /* carries offloads of a tunnel already: no kernel offloads two */
	DROP_NO_PROGRAM,      /* somebody took the program off that it was for: the backstop's */

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
	DROP_VXLAN_FLAGS,  /* RFC 7348 section 5: the I bit alone */
	DROP_VNI_MISMATCH, /* another overlay's, where the port is ours alone */
	DROP_INNER_SHORT,
	DROP_INNER_MAC,	   /* not to our VTEP */
	DROP_INNER_PROTO,  /* neither IPv4 nor IPv6 */
	DROP_INNER_FAMILY, /* the destination's pool travels over the other family */

	/* Ingress: the packet inside. */
	DROP_INNER_IP_MALFORMED,
	DROP_INNER_TTL,
	DROP_INNER_MARTIAN,
	DROP_INNER_SRC,	    /* not the sender's to use */
	DROP_MODE_MISMATCH, /* to a pool of ours that travels in another encapsulation */
	DROP_INNER_DST,	    /* not ours to deliver */
	DROP_ECN,	    /* RFC 6040 section 4.2: CE outside, not-ECT inside */
	DROP_INNER_UDP_GSO, /* this kernel would lose its segments in silence */

	VERDICT_COUNT,
};

/* No member: user space would find two names for one value. */
#define FIRST_DROP DROP_IP_MALFORMED

/* verdicts: per-CPU array; index: enum verdict. One list for both programs, counted apart: a
 * verdict that both use has a figure for each. */
struct verdict_traffic {
	struct traffic egress;
	struct traffic ingress;
};
ABI_SIZE(struct verdict_traffic, 32);

/* peer_traffic: per-CPU array; index: as peers. */
struct peer_traffic {
	struct traffic encapsulated;
	struct traffic decapsulated;
	struct traffic direct;
};
ABI_SIZE(struct peer_traffic, 48);

/* path_mtus: array; index: as peers. What routers on the way said (RFC 1191, RFC 8201); the ingress
 * program writes it. */
struct path_mtu {
	__u32 mtu; /* bytes of an outer packet; 0: nothing was said */
	__u32 zero;
	/* CLOCK_MONOTONIC, ns: after that the path may have grown again. Of SELF_IPV4, to which no
	 * path leads: how often any of the others changed. */
	__u64 until;
};
ABI_SIZE(struct path_mtu, 16);

/* strangers: LRU hash with struct source_key, an outer address that sent what it may not send us ->
 * how often, and when last. The ingress program writes it. */
struct stranger {
	__u64 packets;
	__u64 seen; /* CLOCK_MONOTONIC, ns */
};
ABI_SIZE(struct stranger, 16);

/* tracers: array with one place, what the reader of decisions asks for; all 0: nobody reads. */
struct trace_prefix {
	enum family family; /* 0: any address of either */
	struct address address;
	struct address mask;
};
ABI_SIZE(struct trace_prefix, 36);

struct tracer {
	__u64 until;	   /* CLOCK_MONOTONIC, ns: after that its reader has gone without a word */
	__u32 verdicts[4]; /* bit by enum verdict */
	__u32 rate;	   /* decisions in 2^30 ns, at most */
	__u16 snap;	   /* bytes of a frame, TRACE_SNAP at most */
	__be16 port;	   /* of the inner packet, either end; 0: any */
	__u8 protocol;	   /* of the inner packet; 0: any */
	__u8 directions;   /* bit (1 << enum direction) */
	__u8 asks_packet;  /* 1: by the inner packet too */
	__u8 zero;
	struct trace_prefix source; /* of the inner packet, as those that follow */
	struct trace_prefix destination;
	struct trace_prefix either;
};
ABI_SIZE(struct tracer, 144);

/* traced: array with one place, counted by the programs since their reader began. */
struct traced {
	__u64 window;  /* time, in 2^30 ns */
	__u64 taken;   /* decisions in it */
	__u64 limited; /* not told: more than the reader's rate */
	__u64 lost;    /* not told: the reader was too slow */
};
ABI_SIZE(struct traced, 32);

#define TRACE_SNAP    2048 /* a power of two */
#define TRACE_HEADERS 256  /* inner headers begin before */

/* decisions: ring buffer. Behind each one the beginning of the frame as the program met it, and of
 * what it left. */
struct decision {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	enum verdict verdict;
	enum direction direction;
	__u32 peer;	 /* index into peers; PEER_EXTERNAL: nobody's */
	__u32 interface; /* that the program is attached to */
	__u32 met_size;	 /* bytes of the whole frame */
	__u32 left_size;
	__u16 met_bytes; /* so many follow */
	__u16 left_bytes;
	__u32 zero;
};
ABI_SIZE(struct decision, 40);

/* config: read-only data, set before load. */
enum check {
	CHECK_OFF = 0,
	CHECK_POOL = 1,	  /* the inner address must not be another node's */
	CHECK_STRICT = 2, /* the inner address must be the sender's (source), ours (destination) */
};

/* RFC 2983: what becomes of the DSCP. */
enum dscp {
	DSCP_INHERIT = 0, /* the outer is the inner one's copy; the inner stays */
	DSCP_UNIFORM = 1, /* and what routers made of the outer becomes the inner */
	DSCP_PIPE = 2,	  /* the outer is config.outer_dscp; the inner stays */
};

/* NodeConfig fastPath. */
enum fast {
	FAST_NEVER = 0,
	FAST_GUARDED = 1, /* flows that the host's conntrack holds as answered and without NAT */
	FAST_ALWAYS = 2,
};

/* Where this kernel keeps in struct sk_buff what __sk_buff does not show: byte offsets, read from
 * the kernel's own BTF. All zero where that is missing. */
struct skb_layout {
	__u16 head;
	__u16 data;
	__u16 csum_start;
	__u16 csum_offset;
	__u16 ip_summed;      /* the byte that it lies in */
	__u8 ip_summed_shift; /* two bits from here */
	__u8 not_inet_shift;  /* csum_not_inet: one bit, in a byte of its own */
	__u16 not_inet;	      /* the byte that csum_not_inet lies in; 0: this kernel has none */
};
ABI_SIZE(struct skb_layout, 14);

struct config {
	__u32 vni; /* 24 bits */
	__be16 vxlan_port;
	__u8 nobody_mac[6]; /* destination MAC of packets that took a pool route */
	__u32 own_mark;	    /* mark bit that says: sent on by us already */
	/* BPF_F_ADJ_ROOM_* bits that not every kernel accepts; 0 where it does not */
	__u32 adjust_room_push;	      /* ENCAP_L2_ETH, since 5.13: for inner Ethernet */
	__u32 adjust_room_pop_vxlan;  /* DECAP_L4_UDP, after 6.18 */
	__u32 adjust_room_pop_ipxip4; /* DECAP_IPXIP4, after 6.18 */
	__u32 adjust_room_pop_ipxip6; /* DECAP_IPXIP6, after 6.18 */
	__u32 adjust_room_to_ipv4;    /* DECAP_L3_IPV4, since 6.3: out of the other family */
	__u32 adjust_room_to_ipv6;    /* DECAP_L3_IPV6, since 6.3 */
	enum check source_check;
	enum check destination_check;
	enum dscp dscp;
	enum fast fast;
	__u32 path_mtu_seconds; /* how long a learned path MTU counts */
	struct skb_layout skb;
	__u8 outer_ttl;			 /* 0: the inner packet's */
	__u8 outer_dscp;		 /* DSCP_PIPE only: 6 bits */
	__u8 allow_vxlan_from_workloads; /* FelixConfiguration allowVXLANPacketsFromWorkloads */
	__u8 allow_ipip_from_workloads;
	__u8 check_mtu; /* 1: this kernel has bpf_check_mtu (5.12); before, adjust_room checks */
	__u8 ip6ip;	/* 1: protocol 41 is ours */
	__u8 reserved_bits; /* 1: bits that RFC 7348 reserves are ignored, as it says */
	__u8 shared_port;   /* 1: VXLAN of other VNIs is others' business; 0: dropped */
	__u8 outer_options; /* 1: outer IPv4 options are skipped; 0: dropped */
	__u8 tell;	    /* 1: the verdict goes to cb[0], 1 + the peer's index to cb[1] */
};
ABI_SIZE(struct config, 84);

#endif
