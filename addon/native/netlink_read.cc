#include "netlink_read.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

#include "netlink_attributes.h"

namespace {

bool IsInternet(int family) { return family == AF_INET || family == AF_INET6; }

size_t BytesOfFamily(int family) { return family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr); }

std::optional<uint32_t> U32(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0) return std::nullopt;
  return mnl_attr_get_u32(attribute);
}

Napi::Value Number(Napi::Env env, std::optional<uint32_t> value) {
  return value ? Napi::Number::New(env, *value) : env.Undefined();
}

Napi::Value Text(Napi::Env env, const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return env.Undefined();
  return Napi::String::New(env, mnl_attr_get_str(attribute));
}

Napi::Value AddressText(Napi::Env env, int family, const void* bytes, size_t size) {
  std::array<char, INET6_ADDRSTRLEN> text;
  if (!IsInternet(family) || size != BytesOfFamily(family) ||
      inet_ntop(family, bytes, text.data(), text.size()) == nullptr)
    return env.Undefined();
  return Napi::String::New(env, text.data());
}

Napi::Value AddressText(Napi::Env env, int family, const nlattr* attribute) {
  if (attribute == nullptr) return env.Undefined();
  return AddressText(env, family, mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
}

// Six bytes: other lengths are addresses of tunnels (4, 16) or InfiniBand (20).
Napi::Value MacText(Napi::Env env, const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != 6) return env.Undefined();
  const auto* byte = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
  std::array<char, 18> text;
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", byte[0], byte[1], byte[2], byte[3],
                byte[4], byte[5]);
  return Napi::String::New(env, text.data());
}

// Whether a flag of one byte is there and set.
bool IsSet(const nlattr* attribute) {
  return attribute != nullptr && mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0 &&
         mnl_attr_get_u8(attribute) != 0;
}

// What a vxlan device says of itself. Before 5.18 there is no filter, and none is told.
Napi::Value VxlanOf(Napi::Env env, const Attributes& details) {
  const auto* kind = details[IFLA_INFO_KIND];
  if (kind == nullptr || std::string(mnl_attr_get_str(kind)) != "vxlan") return env.Undefined();
  const Attributes data(details[IFLA_INFO_DATA], IFLA_VXLAN_MAX);
  const auto* port = data[IFLA_VXLAN_PORT];
  auto vxlan = Napi::Object::New(env);
  vxlan["port"] =
      port != nullptr && mnl_attr_validate(port, MNL_TYPE_U16) >= 0 ? ntohs(mnl_attr_get_u16(port)) : 0;
  vxlan["vni"] = Number(env, U32(data[IFLA_VXLAN_ID]));
  const auto local = AddressText(env, AF_INET, data[IFLA_VXLAN_LOCAL]);
  vxlan["local"] = local.IsUndefined() ? AddressText(env, AF_INET6, data[IFLA_VXLAN_LOCAL6]) : local;
  vxlan["external"] = IsSet(data[IFLA_VXLAN_COLLECT_METADATA]);
  vxlan["vniFilter"] = IsSet(data[IFLA_VXLAN_VNIFILTER]);
  return vxlan;
}

// An interface's own rp_filter; nothing where it has no IPv4. The kernel tells its switches as one array.
std::optional<uint32_t> ReversePathFilter(const Attributes& families) {
  const Attributes ipv4(families[AF_INET], IFLA_INET_MAX);
  const auto* switches = ipv4[IFLA_INET_CONF];
  if (switches == nullptr || mnl_attr_get_payload_len(switches) < IPV4_DEVCONF_RP_FILTER * sizeof(uint32_t))
    return std::nullopt;
  return static_cast<const uint32_t*>(mnl_attr_get_payload(switches))[IPV4_DEVCONF_RP_FILTER - 1];
}

std::optional<Napi::Object> ReadLink(Napi::Env env, const nlmsghdr* message) {
  const auto* head = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  if (head->ifi_family != AF_UNSPEC) return std::nullopt;  // AF_BRIDGE: a port, its removal is not the link's
  const Attributes attributes(message, sizeof *head, IFLA_MAX);
  const Attributes details(attributes[IFLA_LINKINFO], IFLA_INFO_MAX);
  const auto* state = attributes[IFLA_OPERSTATE];
  const auto parent = U32(attributes[IFLA_LINK]);
  const Attributes families(attributes[IFLA_AF_SPEC], AF_INET6);
  const Attributes ipv6(families[AF_INET6], IFLA_INET6_MAX);
  const auto* generation = ipv6[IFLA_INET6_ADDR_GEN_MODE];
  auto link = Napi::Object::New(env);
  link["index"] = head->ifi_index;
  link["type"] = head->ifi_type;
  link["flags"] = head->ifi_flags;
  link["name"] = Text(env, attributes[IFLA_IFNAME]);
  link["mtu"] = Number(env, U32(attributes[IFLA_MTU]));
  link["mac"] = MacText(env, attributes[IFLA_ADDRESS]);
  link["kind"] = Text(env, details[IFLA_INFO_KIND]);
  link["vxlan"] = VxlanOf(env, details);
  link["group"] = Number(env, U32(attributes[IFLA_GROUP]).value_or(0));
  link["master"] = Number(env, U32(attributes[IFLA_MASTER]));
  link["parent"] = Number(env, parent == 0U ? std::nullopt : parent);
  link["parentNamespace"] = Number(env, U32(attributes[IFLA_LINK_NETNSID]));
  link["reversePathFilter"] = Number(env, ReversePathFilter(families));
  link["operState"] = state != nullptr && mnl_attr_validate(state, MNL_TYPE_U8) >= 0
                          ? Napi::Number::New(env, mnl_attr_get_u8(state))
                          : env.Undefined();
  link["addressGeneration"] = generation != nullptr && mnl_attr_validate(generation, MNL_TYPE_U8) >= 0
                                  ? Napi::Number::New(env, mnl_attr_get_u8(generation))
                                  : env.Undefined();
  return link;
}

std::optional<Napi::Object> ReadAddress(Napi::Env env, const nlmsghdr* message) {
  const auto* head = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  const int family = head->ifa_family;
  if (!IsInternet(family)) return std::nullopt;
  const Attributes attributes(message, sizeof *head, IFA_MAX);
  // With IFA_LOCAL, IFA_ADDRESS is the other end of a point-to-point link; IPv6 without a peer has no
  // IFA_LOCAL.
  const auto* local = attributes[IFA_LOCAL];
  const auto* other = attributes[IFA_ADDRESS];
  const bool same = local == nullptr || other == nullptr ||
                    (mnl_attr_get_payload_len(local) == mnl_attr_get_payload_len(other) &&
                     std::memcmp(mnl_attr_get_payload(local), mnl_attr_get_payload(other),
                                 mnl_attr_get_payload_len(local)) == 0);
  auto address = Napi::Object::New(env);
  address["index"] = head->ifa_index;
  address["family"] = family;
  address["address"] = AddressText(env, family, local != nullptr ? local : other);
  address["prefixLength"] = head->ifa_prefixlen;
  address["scope"] = head->ifa_scope;
  address["flags"] = U32(attributes[IFA_FLAGS]).value_or(head->ifa_flags);
  address["metric"] = U32(attributes[IFA_RT_PRIORITY]).value_or(0);
  address["label"] = Text(env, attributes[IFA_LABEL]);
  address["peer"] = same ? env.Undefined() : AddressText(env, family, other);
  address["broadcast"] = AddressText(env, family, attributes[IFA_BROADCAST]);
  return address;
}

// RTA_GATEWAY, or RTA_VIA where the next hop is of the other family (RFC 5549).
Napi::Value Gateway(Napi::Env env, int family, const Attributes& attributes) {
  const auto* via = attributes[RTA_VIA];
  if (via == nullptr) return AddressText(env, family, attributes[RTA_GATEWAY]);
  const size_t size = mnl_attr_get_payload_len(via);
  if (size < sizeof(rtvia)) return env.Undefined();
  const auto* hop = static_cast<const rtvia*>(mnl_attr_get_payload(via));
  return AddressText(env, hop->rtvia_family, hop->rtvia_addr, size - sizeof(rtvia));
}

Napi::Value NextHops(Napi::Env env, int family, const nlattr* attribute) {
  if (attribute == nullptr) return env.Undefined();
  auto list = Napi::Array::New(env);
  const auto* at = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
  size_t left = mnl_attr_get_payload_len(attribute);
  while (left >= sizeof(rtnexthop)) {
    const auto* hop = reinterpret_cast<const rtnexthop*>(at);
    if (hop->rtnh_len < sizeof *hop || hop->rtnh_len > left) break;
    const Attributes attributes(hop + 1, hop->rtnh_len - sizeof *hop, RTA_MAX);
    auto next = Napi::Object::New(env);
    next["index"] = hop->rtnh_ifindex;
    next["flags"] = hop->rtnh_flags;
    next["weight"] = hop->rtnh_hops + 1;
    next["gateway"] = Gateway(env, family, attributes);
    list[list.Length()] = next;
    const size_t step = RTNH_ALIGN(hop->rtnh_len);
    if (step >= left) break;
    at += step;
    left -= step;
  }
  return list;
}

std::optional<Napi::Object> ReadRoute(Napi::Env env, const nlmsghdr* message) {
  const auto* head = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  const int family = head->rtm_family;
  if (!IsInternet(family) || (head->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
  const Attributes attributes(message, sizeof *head, RTA_MAX);
  const Attributes metrics(attributes[RTA_METRICS], RTAX_MAX);
  auto route = Napi::Object::New(env);
  route["family"] = family;
  route["destination"] = AddressText(env, family, attributes[RTA_DST]);
  route["prefixLength"] = head->rtm_dst_len;
  route["from"] = AddressText(env, family, attributes[RTA_SRC]);
  route["fromLength"] = head->rtm_src_len;
  route["tos"] = head->rtm_tos;
  route["table"] = U32(attributes[RTA_TABLE]).value_or(head->rtm_table);
  route["protocol"] = head->rtm_protocol;
  route["scope"] = head->rtm_scope;
  route["type"] = head->rtm_type;
  route["flags"] = head->rtm_flags;
  route["gateway"] = Gateway(env, family, attributes);
  route["index"] = Number(env, U32(attributes[RTA_OIF]));
  route["priority"] = U32(attributes[RTA_PRIORITY]).value_or(0);
  route["source"] = AddressText(env, family, attributes[RTA_PREFSRC]);
  route["mtu"] = Number(env, U32(metrics[RTAX_MTU]));
  route["nextHops"] = NextHops(env, family, attributes[RTA_MULTIPATH]);
  route["nextHopId"] = Number(env, U32(attributes[RTA_NH_ID]));
  return route;
}

std::optional<Napi::Object> ReadNeighbour(Napi::Env env, const nlmsghdr* message) {
  const auto* head = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  if (!IsInternet(head->ndm_family)) return std::nullopt;  // AF_BRIDGE: a forwarding database entry
  const Attributes attributes(message, sizeof *head, NDA_MAX);
  auto neighbour = Napi::Object::New(env);
  neighbour["index"] = head->ndm_ifindex;
  neighbour["family"] = head->ndm_family;
  neighbour["address"] = AddressText(env, head->ndm_family, attributes[NDA_DST]);
  neighbour["mac"] = MacText(env, attributes[NDA_LLADDR]);
  neighbour["state"] = head->ndm_state;
  neighbour["flags"] = head->ndm_flags;
  return neighbour;
}

std::optional<Napi::Object> ReadRule(Napi::Env env, const nlmsghdr* message) {
  const auto* head = static_cast<const fib_rule_hdr*>(mnl_nlmsg_get_payload(message));
  if (!IsInternet(head->family)) return std::nullopt;  // of multicast routing
  const Attributes attributes(message, sizeof *head, FRA_MAX);
  const auto* protocol = attributes[FRA_PROTOCOL];
  auto rule = Napi::Object::New(env);
  rule["family"] = head->family;
  rule["priority"] = U32(attributes[FRA_PRIORITY]).value_or(0);
  rule["action"] = head->action;
  rule["table"] = U32(attributes[FRA_TABLE]).value_or(head->table);
  rule["protocol"] =
      protocol != nullptr && mnl_attr_validate(protocol, MNL_TYPE_U8) >= 0 ? mnl_attr_get_u8(protocol) : 0;
  rule["suppressGroup"] = Number(env, U32(attributes[FRA_SUPPRESS_IFGROUP]));
  return rule;
}

template <class Head>
bool Holds(const nlmsghdr* message) {
  return mnl_nlmsg_get_payload_len(message) >= sizeof(Head);
}

}  // namespace

std::optional<Napi::Object> ReadMessage(Napi::Env env, const nlmsghdr* message) {
  switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return Holds<ifinfomsg>(message) ? ReadLink(env, message) : std::nullopt;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return Holds<ifaddrmsg>(message) ? ReadAddress(env, message) : std::nullopt;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return Holds<rtmsg>(message) ? ReadRoute(env, message) : std::nullopt;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return Holds<ndmsg>(message) ? ReadNeighbour(env, message) : std::nullopt;
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return Holds<fib_rule_hdr>(message) ? ReadRule(env, message) : std::nullopt;
    default:
      return std::nullopt;
  }
}
