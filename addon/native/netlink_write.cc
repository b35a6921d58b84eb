#include "netlink_write.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

#include "arguments.h"

namespace {

constexpr size_t kRequestBytes = 16 * 1024;  // some hundred next hops

using AddressBytes = std::array<uint8_t, sizeof(in6_addr)>;

size_t SizeOf(int family) { return family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr); }

bool Given(const Napi::Object& fields, const char* name) {
  const Napi::Value value = fields.Get(name);
  return !value.IsUndefined() && !value.IsNull();
}

uint32_t U32(const Napi::Object& fields, const char* name) { return Uint32Of(fields.Get(name), name); }

uint8_t U8(const Napi::Object& fields, const char* name) {
  const uint32_t value = U32(fields, name);
  if (value > UINT8_MAX) throw Napi::RangeError::New(fields.Env(), std::string(name) + " is above 255");
  return static_cast<uint8_t>(value);
}

uint8_t FamilyOf(const Napi::Object& fields) {
  const uint8_t family = U8(fields, "family");
  if (family != AF_INET && family != AF_INET6)
    throw Napi::RangeError::New(fields.Env(), "family is neither AF_INET nor AF_INET6");
  return family;
}

uint8_t PrefixLengthOf(const Napi::Object& fields, int family) {
  const uint8_t length = U8(fields, "prefixLength");
  if (length > SizeOf(family) * 8)
    throw Napi::RangeError::New(fields.Env(), "prefixLength is longer than the address");
  return length;
}

AddressBytes AddressOf(Napi::Env env, int family, const std::string& text, const char* name) {
  AddressBytes bytes{};
  if (inet_pton(family, text.c_str(), bytes.data()) != 1)
    throw Napi::TypeError::New(env, std::string(name) + " is not an address of its family");
  return bytes;
}

}  // namespace

Request::Request(uint16_t type, uint16_t flags) : buffer_(kRequestBytes) {
  mnl_nlmsg_put_header(buffer_.data());
  header()->nlmsg_type = type;
  header()->nlmsg_flags = NLM_F_REQUEST | flags;
}

nlmsghdr* Request::header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }

template <class Head>
Head* Request::Start() {
  return static_cast<Head*>(mnl_nlmsg_put_extra_header(header(), sizeof(Head)));
}

void Request::Put(Napi::Env env, uint16_t type, const void* data, size_t size) {
  if (!mnl_attr_put_check(header(), buffer_.size(), type, size, data))
    throw Napi::RangeError::New(env, "the request is longer than 16 KiB");
}

nlattr* Request::Nest(Napi::Env env, uint16_t type) {
  auto* nest = mnl_attr_nest_start_check(header(), buffer_.size(), type);
  if (nest == nullptr) throw Napi::RangeError::New(env, "the request is longer than 16 KiB");
  return nest;
}

void Request::PutName(Napi::Env env, const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ)
    throw Napi::RangeError::New(env, "name must have 1 to 15 bytes");
  Put(env, IFLA_IFNAME, name.c_str(), name.size() + 1);
}

void Request::PutAddress(const Napi::Object& fields, const char* name, int family, uint16_t type) {
  if (!Given(fields, name)) return;
  const auto bytes = AddressOf(fields.Env(), family, TextOf(fields.Get(name), name), name);
  Put(fields.Env(), type, bytes.data(), SizeOf(family));
}

void Request::PutU32(const Napi::Object& fields, const char* name, uint16_t type) {
  if (!Given(fields, name)) return;
  const uint32_t value = U32(fields, name);
  Put(fields.Env(), type, &value, sizeof value);
}

void Request::PutMac(const Napi::Object& fields, uint16_t type) {
  if (!Given(fields, "mac")) return;
  const auto text = TextOf(fields.Get("mac"), "mac");
  std::array<uint8_t, 6> mac;
  int end = 0;
  if (std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
                  &mac[4], &mac[5], &end) != 6 ||
      static_cast<size_t>(end) != text.size())
    throw Napi::TypeError::New(fields.Env(), "mac is not six pairs of hexadecimal digits");
  Put(fields.Env(), type, mac.data(), mac.size());
}

// The kernel would mask an IPv6 prefix without a word.
void Request::PutPrefix(const Napi::Object& fields, const char* name, uint8_t length, uint16_t type) {
  const auto env = fields.Env();
  const int family = FamilyOf(fields);
  const auto text = TextOf(fields.Get(name), name);
  const auto bytes = AddressOf(env, family, text, name);
  if (length > SizeOf(family) * 8) throw Napi::RangeError::New(env, std::string(name) + " is too long");
  for (size_t bit = length; bit < SizeOf(family) * 8; bit++) {
    if ((bytes[bit / 8] & (0x80 >> (bit % 8))) != 0)
      throw Napi::RangeError::New(
          env, std::string(name) + " " + text + "/" + std::to_string(length) + " has bits behind its prefix");
  }
  if (length > 0) Put(env, type, bytes.data(), SizeOf(family));
}

void Request::AllLinks() {
  Start<ifinfomsg>()->ifi_family = AF_UNSPEC;
  mnl_attr_put_u32(header(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void Request::AllAddresses(uint8_t family) { Start<ifaddrmsg>()->ifa_family = family; }

void Request::AllRoutes(uint8_t family, uint32_t table, uint8_t protocol) {
  auto* head = Start<rtmsg>();
  head->rtm_family = family;
  head->rtm_protocol = protocol;
  if (table != RT_TABLE_UNSPEC) mnl_attr_put_u32(header(), RTA_TABLE, table);
}

void Request::AllNeighbours(uint8_t family, uint8_t flags) {
  auto* head = Start<ndmsg>();
  head->ndm_family = family;
  head->ndm_flags = flags;
}

void Request::AllRules(uint8_t family) { Start<fib_rule_hdr>()->family = family; }

void Request::Link(const Napi::Object& fields) {
  auto* head = Start<ifinfomsg>();
  head->ifi_family = AF_UNSPEC;
  head->ifi_index = static_cast<int>(U32(fields, "index"));
  if (Given(fields, "flags")) {
    head->ifi_flags = U32(fields, "flags");
    head->ifi_change = U32(fields, "flagMask");
  }
  PutMac(fields, IFLA_ADDRESS);
  PutU32(fields, "mtu", IFLA_MTU);
  PutU32(fields, "group", IFLA_GROUP);
  const auto env = fields.Env();
  auto* families = Nest(env, IFLA_AF_SPEC);
  if (Given(fields, "addressGeneration")) {
    const uint8_t mode = U8(fields, "addressGeneration");
    auto* family = Nest(env, AF_INET6);
    Put(env, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    mnl_attr_nest_end(header(), family);
  }
  if (Given(fields, "reversePathFilter")) {
    auto* family = Nest(env, AF_INET);
    auto* switches = Nest(env, IFLA_INET_CONF);
    PutU32(fields, "reversePathFilter", IPV4_DEVCONF_RP_FILTER);
    mnl_attr_nest_end(header(), switches);
    mnl_attr_nest_end(header(), family);
  }
  mnl_attr_nest_end(header(), families);
}

void Request::OneLink(uint32_t index) { Start<ifinfomsg>()->ifi_index = static_cast<int>(index); }

void Request::Veth(Napi::Env env, const std::string& name, const std::string& peer) {
  Start<ifinfomsg>()->ifi_family = AF_UNSPEC;
  PutName(env, name);
  auto* kind = Nest(env, IFLA_LINKINFO);
  Put(env, IFLA_INFO_KIND, "veth", sizeof "veth" - 1);
  auto* data = Nest(env, IFLA_INFO_DATA);
  auto* other = Nest(env, VETH_INFO_PEER);
  mnl_nlmsg_put_extra_header(header(), sizeof(ifinfomsg));
  PutName(env, peer);
  mnl_attr_nest_end(header(), other);
  mnl_attr_nest_end(header(), data);
  mnl_attr_nest_end(header(), kind);
}

void Request::Vxlan(Napi::Env env, const std::string& name, uint16_t port, bool vni_filter) {
  const uint16_t network_port = htons(port);
  const uint8_t yes = 1;
  Start<ifinfomsg>()->ifi_family = AF_UNSPEC;
  PutName(env, name);
  auto* kind = Nest(env, IFLA_LINKINFO);
  Put(env, IFLA_INFO_KIND, "vxlan", sizeof "vxlan" - 1);
  auto* data = Nest(env, IFLA_INFO_DATA);
  Put(env, IFLA_VXLAN_PORT, &network_port, sizeof network_port);
  Put(env, IFLA_VXLAN_COLLECT_METADATA, &yes, sizeof yes);
  if (vni_filter) Put(env, IFLA_VXLAN_VNIFILTER, &yes, sizeof yes);
  mnl_attr_nest_end(header(), data);
  mnl_attr_nest_end(header(), kind);
}

void Request::Vtep(const Napi::Object& fields) {
  const auto env = fields.Env();
  const int family = FamilyOf(fields);
  const uint16_t port = htons(static_cast<uint16_t>(U32(fields, "port")));
  const uint8_t no = 0;
  Start<ifinfomsg>()->ifi_family = AF_UNSPEC;
  PutName(env, TextOf(fields.Get("name"), "name"));
  PutMac(fields, IFLA_ADDRESS);
  PutU32(fields, "mtu", IFLA_MTU);
  auto* kind = Nest(env, IFLA_LINKINFO);
  Put(env, IFLA_INFO_KIND, "vxlan", sizeof "vxlan" - 1);
  auto* data = Nest(env, IFLA_INFO_DATA);
  PutU32(fields, "vni", IFLA_VXLAN_ID);
  PutU32(fields, "parent", IFLA_VXLAN_LINK);
  PutAddress(fields, "local", family, family == AF_INET ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6);
  Put(env, IFLA_VXLAN_PORT, &port, sizeof port);
  Put(env, IFLA_VXLAN_LEARNING, &no, sizeof no);
  mnl_attr_nest_end(header(), data);
  mnl_attr_nest_end(header(), kind);
}

void Request::Ipip(Napi::Env env, const std::string& name) {
  Start<ifinfomsg>()->ifi_family = AF_UNSPEC;
  PutName(env, name);
  auto* kind = Nest(env, IFLA_LINKINFO);
  Put(env, IFLA_INFO_KIND, "ipip", sizeof "ipip" - 1);
  mnl_attr_nest_end(header(), kind);
}

void Request::Address(const Napi::Object& fields) {
  const int family = FamilyOf(fields);
  auto* head = Start<ifaddrmsg>();
  head->ifa_family = static_cast<uint8_t>(family);
  head->ifa_prefixlen = PrefixLengthOf(fields, family);
  head->ifa_scope = U8(fields, "scope");
  head->ifa_index = U32(fields, "index");
  PutAddress(fields, "address", family, IFA_LOCAL);
  PutAddress(fields, Given(fields, "peer") ? "peer" : "address", family, IFA_ADDRESS);
  PutAddress(fields, "broadcast", family, IFA_BROADCAST);
  PutU32(fields, "flags", IFA_FLAGS);
  if (U32(fields, "metric") != 0) PutU32(fields, "metric", IFA_RT_PRIORITY);
  if (!Given(fields, "label")) return;
  const auto label = TextOf(fields.Get("label"), "label");
  Put(fields.Env(), IFA_LABEL, label.c_str(), label.size() + 1);
}

void Request::Neighbour(const Napi::Object& fields) {
  const int family = FamilyOf(fields);
  auto* head = Start<ndmsg>();
  head->ndm_family = static_cast<uint8_t>(family);
  head->ndm_ifindex = static_cast<int>(U32(fields, "index"));
  head->ndm_state = static_cast<uint16_t>(U8(fields, "state"));
  head->ndm_flags = U8(fields, "flags");
  PutAddress(fields, "address", family, NDA_DST);
  PutMac(fields, NDA_LLADDR);
}

void Request::Rule(const Napi::Object& fields) {
  const auto env = fields.Env();
  const uint32_t table = U32(fields, "table");
  const uint8_t protocol = U8(fields, "protocol");
  auto* head = Start<fib_rule_hdr>();
  head->family = FamilyOf(fields);
  head->action = FR_ACT_TO_TBL;
  head->table = static_cast<uint8_t>(table > UINT8_MAX ? +RT_TABLE_UNSPEC : table);
  Put(env, FRA_TABLE, &table, sizeof table);
  PutU32(fields, "priority", FRA_PRIORITY);
  Put(env, FRA_PROTOCOL, &protocol, sizeof protocol);
  PutU32(fields, "suppressGroup", FRA_SUPPRESS_IFGROUP);
}

void Request::Forwarding(const Napi::Object& fields) {
  auto* head = Start<ndmsg>();
  head->ndm_family = AF_BRIDGE;
  head->ndm_ifindex = static_cast<int>(U32(fields, "index"));
  head->ndm_state = NUD_PERMANENT;
  head->ndm_flags = NTF_SELF;
  PutMac(fields, NDA_LLADDR);
  PutAddress(fields, "to", FamilyOf(fields), NDA_DST);
}

void Request::Route(const Napi::Object& fields) {
  const auto env = fields.Env();
  const int family = FamilyOf(fields);
  const uint32_t table = U32(fields, "table");
  auto* head = Start<rtmsg>();
  head->rtm_family = static_cast<uint8_t>(family);
  head->rtm_dst_len = PrefixLengthOf(fields, family);
  head->rtm_tos = U8(fields, "tos");
  head->rtm_table = static_cast<uint8_t>(table > UINT8_MAX ? +RT_TABLE_UNSPEC : table);
  head->rtm_protocol = U8(fields, "protocol");
  head->rtm_scope = U8(fields, "scope");
  head->rtm_type = U8(fields, "type");
  head->rtm_flags = U32(fields, "flags");
  Put(env, RTA_TABLE, &table, sizeof table);
  PutPrefix(fields, "destination", head->rtm_dst_len, RTA_DST);
  if (Given(fields, "from")) {
    head->rtm_src_len = U8(fields, "fromLength");
    PutPrefix(fields, "from", head->rtm_src_len, RTA_SRC);
  }
  PutU32(fields, "priority", RTA_PRIORITY);
  PutU32(fields, "index", RTA_OIF);
  PutU32(fields, "nextHopId", RTA_NH_ID);
  PutAddress(fields, "source", family, RTA_PREFSRC);
  PutGateway(fields, family);
  PutNextHops(fields, family);
  if (!Given(fields, "mtu")) return;
  auto* nest = Nest(env, RTA_METRICS);
  PutU32(fields, "mtu", RTAX_MTU);
  mnl_attr_nest_end(header(), nest);
}

// RTA_VIA where the next hop is of the other family (RFC 5549).
void Request::PutGateway(const Napi::Object& fields, int family) {
  if (!Given(fields, "gateway")) return;
  const auto text = TextOf(fields.Get("gateway"), "gateway");
  const int of = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  const auto bytes = AddressOf(fields.Env(), of, text, "gateway");
  if (of == family) return Put(fields.Env(), RTA_GATEWAY, bytes.data(), SizeOf(of));
  std::array<uint8_t, sizeof(rtvia) + sizeof(in6_addr)> via{};
  const auto tagged = static_cast<__kernel_sa_family_t>(of);
  std::memcpy(via.data() + offsetof(rtvia, rtvia_family), &tagged, sizeof tagged);
  std::memcpy(via.data() + offsetof(rtvia, rtvia_addr), bytes.data(), SizeOf(of));
  Put(fields.Env(), RTA_VIA, via.data(), offsetof(rtvia, rtvia_addr) + SizeOf(of));
}

void Request::PutNextHops(const Napi::Object& fields, int family) {
  const Napi::Value value = fields.Get("nextHops");
  if (!value.IsArray()) return;
  const auto env = fields.Env();
  const auto list = value.As<Napi::Array>();
  auto* nest = mnl_attr_nest_start_check(header(), buffer_.size(), RTA_MULTIPATH);
  for (uint32_t i = 0; nest != nullptr && i < list.Length(); i++) {
    const Napi::Value item = list.Get(i);
    if (!item.IsObject()) throw Napi::TypeError::New(env, "nextHops holds something else than objects");
    const auto next = item.As<Napi::Object>();
    const size_t start = header()->nlmsg_len;
    if (start + sizeof(rtnexthop) > buffer_.size()) {
      nest = nullptr;
      break;
    }
    auto* hop = reinterpret_cast<rtnexthop*>(buffer_.data() + start);
    const uint8_t weight = U8(next, "weight");
    if (weight == 0) throw Napi::RangeError::New(env, "weight is 0");
    hop->rtnh_hops = weight - 1;
    hop->rtnh_flags = U8(next, "flags");
    hop->rtnh_ifindex = static_cast<int>(U32(next, "index"));
    header()->nlmsg_len += sizeof *hop;
    PutGateway(next, family);
    hop->rtnh_len = static_cast<uint16_t>(header()->nlmsg_len - start);
  }
  if (nest == nullptr) throw Napi::RangeError::New(env, "the request is longer than 16 KiB");
  mnl_attr_nest_end(header(), nest);
}
