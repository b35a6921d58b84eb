/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* shortcut.h: past the stack of the host, between a workload's interface and the uplink.
 *
 *   workload ─► cali* ─► encapd_workload ─► push ─► the peer
 *   wire ─► encapd_ingress ─► pop ─► the workload's own end of cali*
 *
 * Only what the stack would forward unchanged, but for the TTL, and without a word to anyone: all
 * else is handed to it, untouched. What the stack would refuse by the host's own rules is decided
 * by flow.h. */
#ifndef ENCAPD_SHORTCUT_H
#define ENCAPD_SHORTCUT_H

#include <linux/if_packet.h>
#include "egress.h"
#include "flow.h"

/* A whole UDP or TCP packet without options, with a hop to go. */
static __always_inline int is_plain(const struct __sk_buff *skb, const struct ip *ip)
{
	return ip->ttl > 1 && has_ports(ip) && (skb->gso_size || ip->bytes == skb->len - ETH_HLEN);
}

/* One hop less, in the IP header at `at`. IPv4's checksum takes back what the TTL lost, as in RFC
 * 1624 section 4, so a sum over both stays as it is. */
static __always_inline long hop(struct __sk_buff *skb, __u32 at, enum family family)
{
	struct {
		__u8 ttl, protocol;
		__u16 checksum;
	} middle;
	__u32 sum;
	__u8 limit;

	if (family == FAMILY_IPV6) {
		at += offsetof(struct ipv6hdr, hop_limit);
		if (bpf_skb_load_bytes(skb, at, &limit, sizeof(limit)))
			return -1;
		limit--;
		return bpf_skb_store_bytes(skb, at, &limit, sizeof(limit), BPF_F_RECOMPUTE_CSUM);
	}
	at += offsetof(struct iphdr, ttl);
	if (bpf_skb_load_bytes(skb, at, &middle, sizeof(middle)))
		return -1;
	middle.ttl--;
	sum = middle.checksum + bpf_htons(0x0100);
	middle.checksum = sum + (sum >= 0xffff);
	return bpf_skb_store_bytes(skb, at, &middle, sizeof(middle), 0);
}

/* Packets that egress() would have cut first, or whose outer checksum covers what is inside. */
static __always_inline int is_carried_whole(const struct __sk_buff *skb, const struct ip *ip,
					    const struct peer *peer)
{
	return peer->family == ip->family && (peer->family == FAMILY_IPV4 || peer->zero_checksum) &&
	       !is_gso_by_frags(skb) && !is_gso_lost(skb, ip);
}

/* A packet that a workload sends, as it comes in at the host's end of its veth pair. */
static __always_inline enum verdict shortcut_out(struct __sk_buff *skb)
{
	const struct shortcut *shortcut = shortcut_there();
	const __u32 frame_bytes = skb->len;
	struct cursor at = cursor_at(skb, ip_bytes_in(skb));
	const struct ethhdr *ethernet = take_ethernet(&at);
	const struct workload *workload;
	struct transport transport;
	const struct policy *policy;
	struct peer_traffic *traffic;
	struct peer *self, *peer;
	enum verdict verdict;
	enum family family;
	struct block block;
	enum encap encap;
	__u32 largest, overhead;
	struct ip ip;

	if (!shortcut || !ethernet || skb->vlan_present || skb->pkt_type != PACKET_HOST)
		return PASS_NO_SHORTCUT;
	family = family_of(ethernet->h_proto);
	if (!family || !ip_read(family, &at, &ip) || !is_plain(skb, &ip))
		return PASS_NO_SHORTCUT;
	block = block_of(family, &ip.destination);
	if (!is_block(&block) || is_self(block.peer))
		return PASS_NO_SHORTCUT;
	workload = workload_of(family, &ip.source);
	if (!workload || workload->interface != skb->ifindex)
		return PASS_NO_SHORTCUT;
	peer = peer_at(block.peer);
	policy = policy_at(block.policy);
	self = peer ? self_of(peer->family) : NULL;
	if (!self || !policy || !is_carried_whole(skb, &ip, peer))
		return PASS_NO_SHORTCUT;
	encap = peer->same_subnet ? policy->same_subnet : policy->other_subnet;
	overhead = encap_bytes(encap, peer->family);
	largest = largest_bytes(skb, &ip);
	if (largest > shortcut->route_mtu ||
	    largest + overhead > path_mtu(block.peer, shortcut->uplink_mtu))
		return PASS_NO_SHORTCUT;
	if (!transport_read(skb, &ip, &transport) ||
	    (ip.protocol == IPPROTO_UDP && transport.destination == config.vxlan_port))
		return PASS_NO_SHORTCUT;
	verdict = flow_check(skb, &ip, &transport, shortcut);
	if (verdict)
		return verdict;

	ip.ttl--;
	verdict = encap_push(encap, skb, self, peer, &ip);
	if (verdict == DROP_NO_HEADROOM)
		return verdict; /* half done, it may be */
	if (verdict != ENCAPSULATED && verdict != DIRECT)
		return PASS_NO_SHORTCUT; /* it is as it was: egress() has it cut */
	if (hop(skb, ETH_HLEN + overhead, family))
		return DROP_NO_HEADROOM;
	traffic = peer_traffic_at(block.peer);
	if (traffic)
		count(verdict == DIRECT ? &traffic->direct : &traffic->encapsulated, frame_bytes);
	tell_peer(skb, block.peer);
	if (verdict == ENCAPSULATED &&
	    next_hop_write(skb, shortcut->uplink, self, peer, &ip, block.peer)) {
		skb->mark |= config.own_mark;
		bpf_redirect(shortcut->uplink, 0);
	} else {
		send(skb, shortcut->uplink, verdict, peer);
	}
	return SHORTCUT_OUT;
}

/* A packet that was taken out of its tunnel and checked: on to its workload, or to the stack. */
static __always_inline enum verdict shortcut_in(struct __sk_buff *skb, const struct ip *ip)
{
	const struct shortcut *shortcut = shortcut_there();
	const struct workload *workload;
	struct transport transport;
	__u8 macs[2 * ETH_ALEN];

	if (!shortcut || !is_plain(skb, ip) || is_gso_by_frags(skb))
		return DECAPSULATED;
	workload = workload_of(ip->family, &ip->destination);
	if (!workload || largest_bytes(skb, ip) > workload->mtu ||
	    !transport_read(skb, ip, &transport) || flow_check(skb, ip, &transport, shortcut))
		return DECAPSULATED;
	__builtin_memcpy(macs, workload->mac, ETH_ALEN);
	__builtin_memcpy(macs + ETH_ALEN, workload->host_mac, ETH_ALEN);
	if (hop(skb, ETH_HLEN, ip->family) || bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0))
		return DROP_NO_HEADROOM;
	skb->mark = 0; /* it would not survive the way into another namespace */
	bpf_redirect_peer(workload->interface, 0);
	return SHORTCUT_IN;
}

#endif
