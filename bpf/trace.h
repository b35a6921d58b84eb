/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* trace.h: decisions, told to whoever asks (`encap trace`, `encap capture`).
 *
 *   trace_meet() at a program's beginning keeps the frame as it came
 *   trace_leave() at its end tells what became of it, if the reader asked for such a one
 *
 * While nobody reads, each is a look at one word. The functions behind it are not static, so that
 * the verifier follows them once, whatever led there. A frame is told as bytes: user space takes it
 * apart, here only what the filter asks for is read. */
#ifndef ENCAPD_TRACE_H
#define ENCAPD_TRACE_H

#include "maps.h"
#include "packet.h"

/* A decision while it is written: longer than a program's stack. */
struct trace_page {
	struct decision decision;
	__u8 bytes[2 * TRACE_SNAP];
	struct ip outer, inner;
	__u32 is_met; /* by trace_meet(), and not told yet: a frame is told once */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_page);
} trace_pages SEC(".maps");

/* NULL: nobody reads. */
static __always_inline struct tracer *tracer_there(void)
{
	const __u32 only = 0;
	struct tracer *tracer = bpf_map_lookup_elem(&tracers, &only);

	return tracer && tracer->until ? tracer : NULL;
}

static __always_inline struct trace_page *trace_page_of_cpu(void)
{
	const __u32 only = 0;

	return bpf_map_lookup_elem(&trace_pages, &only);
}

/* Copies the frame's beginning; answers how much of it. `to` has room for TRACE_SNAP bytes. */
static __always_inline __u64 trace_copy(const struct __sk_buff *skb, void *to, __u64 most)
{
	__u64 bytes = skb->len;

	if (bytes > most)
		bytes = most;
	if (bytes < ETH_HLEN || bytes > TRACE_SNAP)
		return 0;
	return bpf_skb_load_bytes(skb, 0, to, bytes) ? 0 : bytes;
}

__noinline int trace_meet_asked(struct __sk_buff *skb)
{
	struct tracer *tracer = tracer_there();
	struct trace_page *page = trace_page_of_cpu();

	if (!tracer || !page)
		return 0;
	page->is_met = 1;
	page->decision.met_size = skb->len;
	page->decision.met_bytes = trace_copy(skb, page->bytes, tracer->snap);
	return 0;
}

static __always_inline void trace_meet(struct __sk_buff *skb)
{
	if (tracer_there())
		trace_meet_asked(skb);
}

/* Where the inner packet begins in a frame that came in; ETH_HLEN where it is no tunnel packet. */
static __always_inline __u32 trace_inner_at(const struct ip *outer, struct cursor at)
{
	const struct udphdr *udp;
	__u32 behind = ETH_HLEN + outer->header_bytes;

	if (outer->header_bytes > IPV4_HEADER_MAX)
		return ETH_HLEN;
	if (outer->protocol == IPPROTO_IPIP || outer->protocol == IPPROTO_IPV6)
		return behind;
	if (!has_ports(outer) || outer->protocol != IPPROTO_UDP)
		return ETH_HLEN;
	at.pos += ip_least_bytes(outer->family);
	udp = take_udp(&at);
	/* RFC 7348 section 5: behind UDP 8 bytes, then Ethernet */
	return udp && udp->dest == config.vxlan_port ? behind + sizeof(*udp) + 8 + ETH_HLEN
						     : ETH_HLEN;
}

/* Reads the IP packet `bytes` into a frame; 0: there is none. */
static __always_inline int trace_read(struct trace_page *page, __u32 bytes, struct cursor *at,
				      struct ip *ip)
{
	__be16 type;

	at->end = page->bytes + (page->decision.met_bytes & (2 * TRACE_SNAP - 1));
	if (bytes < ETH_HLEN || bytes > TRACE_HEADERS)
		return 0;
	at->pos = page->bytes + bytes;
	type = bytes == ETH_HLEN ? *(__be16 *)(page->bytes + ETH_HLEN - 2) : 0;
	if (!type) /* by the version: what announces it differs by encapsulation */
		type = page->bytes[bytes] >> 4 == 6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	return family_of(type) && ip_read(family_of(type), at, ip);
}

static __always_inline int trace_within(const struct trace_prefix *prefix, enum family family,
					const struct address *address)
{
	return prefix->family == family &&
	       !((address->word[0] & prefix->mask.word[0]) ^ prefix->address.word[0]) &&
	       !((address->word[1] & prefix->mask.word[1]) ^ prefix->address.word[1]) &&
	       !((address->word[2] & prefix->mask.word[2]) ^ prefix->address.word[2]) &&
	       !((address->word[3] & prefix->mask.word[3]) ^ prefix->address.word[3]);
}

/* Whether the reader asked for packets of such addresses, protocol and ports. */
static __always_inline int trace_wants_packet(const struct tracer *tracer, const struct ip *ip,
					      struct cursor at)
{
	const struct udphdr *ports;

	if (tracer->source.family && !trace_within(&tracer->source, ip->family, &ip->source))
		return 0;
	if (tracer->destination.family &&
	    !trace_within(&tracer->destination, ip->family, &ip->destination))
		return 0;
	if (tracer->either.family && !trace_within(&tracer->either, ip->family, &ip->source) &&
	    !trace_within(&tracer->either, ip->family, &ip->destination))
		return 0;
	if (tracer->protocol && ip->protocol != tracer->protocol)
		return 0;
	if (!tracer->port)
		return 1;
	if (!has_ports(ip))
		return 0;
	at.pos += ip_least_bytes(ip->family);
	ports = take_udp(&at); /* TCP has its ports at the same place */
	return ports && (ports->source == tracer->port || ports->dest == tracer->port);
}

/* Whose packet it is, by the tables: the owner of the inner destination, or the outer sender. Of a
 * packet that is no IP, nothing was read: it is nobody's. */
static __always_inline __u32 trace_peer(__u32 direction, const struct trace_page *page)
{
	const struct source *source;
	struct block block;

	if (direction == INGRESS) {
		source = node_of(page->outer.family, &page->outer.source);
		return source ? source->peer : PEER_EXTERNAL;
	}
	block = block_of(page->inner.family, &page->inner.destination);
	return is_block(&block) ? block.peer : PEER_EXTERNAL;
}

/* Whether there is room for one more in this second or so (2^30 ns). */
static __always_inline int trace_within_rate(const struct tracer *tracer, struct traced *count,
					     __u64 now)
{
	if (count->window != now >> 30) {
		count->window = now >> 30;
		count->taken = 0;
	}
	if (count->taken >= tracer->rate) {
		__sync_fetch_and_add(&count->limited, 1);
		return 0;
	}
	__sync_fetch_and_add(&count->taken, 1);
	return 1;
}

/* Whether the reader asked for such a decision; reads what its headers say into the page. */
__noinline int trace_wants(__u32 direction, __u32 verdict)
{
	const __u32 only = 0;
	struct traced *count = bpf_map_lookup_elem(&traced, &only);
	struct trace_page *page = trace_page_of_cpu();
	struct tracer *tracer = tracer_there();
	const __u64 now = bpf_ktime_get_ns();
	__u32 inner_at = ETH_HLEN;
	struct cursor at;
	int is_ip;

	if (!count || !page || !tracer || !page->is_met)
		return 0;
	page->is_met = 0;
	if (now >= tracer->until) { /* the reader was killed */
		tracer->until = 0;
		return 0;
	}
	if (!(tracer->directions & (1U << (direction & 1))) ||
	    !(tracer->verdicts[verdict / 32 % 4] & (1U << (verdict % 32))))
		return 0;
	page->outer = (struct ip){};
	is_ip = trace_read(page, ETH_HLEN, &at, &page->outer);
	page->inner = page->outer;
	if (is_ip && direction == INGRESS) {
		inner_at = trace_inner_at(&page->outer, at);
		if (inner_at != ETH_HLEN)
			is_ip = trace_read(page, inner_at, &at, &page->inner);
	}
	page->decision.time = now;
	if (tracer->asks_packet && (!is_ip || !trace_wants_packet(tracer, &page->inner, at)))
		return 0;
	return trace_within_rate(tracer, count, now);
}

__noinline int trace_tell(struct __sk_buff *skb, __u32 direction, __u32 verdict)
{
	struct trace_page *page = trace_page_of_cpu();
	struct tracer *tracer = tracer_there();
	const __u32 only = 0;
	struct traced *count;
	__u64 met, left;

	if (!page || !tracer)
		return 0;
	met = page->decision.met_bytes;
	if (met > TRACE_SNAP)
		return 0;
	left = trace_copy(skb, page->bytes + met, tracer->snap);
	page->decision.verdict = verdict;
	page->decision.direction = direction;
	page->decision.peer = trace_peer(direction, page);
	page->decision.interface = skb->ifindex;
	page->decision.left_size = skb->len;
	page->decision.left_bytes = left;
	if (left > TRACE_SNAP ||
	    !bpf_ringbuf_output(&decisions, page, sizeof(page->decision) + met + left, 0))
		return 0;
	count = bpf_map_lookup_elem(&traced, &only);
	if (count)
		__sync_fetch_and_add(&count->lost, 1);
	return 0;
}

static __always_inline void trace_leave(struct __sk_buff *skb, enum direction direction,
					enum verdict verdict)
{
	if (tracer_there() && trace_wants(direction, verdict))
		trace_tell(skb, direction, verdict);
}

#endif
