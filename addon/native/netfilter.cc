#include "netfilter.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <array>

#include "netlink_socket.h"

namespace {

// netfilterRules(): { errno: number, rules: number }, of IPv4 and IPv6 in the namespace that this thread is
// in
Napi::Value Rules(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  RouteSocket socket(env, NETLINK_NETFILTER);
  std::array<uint8_t, 64> buffer{};
  auto* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* general = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(nfgenmsg)));
  general->nfgen_family = NFPROTO_UNSPEC;
  general->version = NFNETLINK_V0;
  const auto answer = socket.Ask(env, request);

  uint32_t rules = 0;
  int left = static_cast<int>(answer.messages.size());
  for (auto* message = reinterpret_cast<const nlmsghdr*>(answer.messages.data()); mnl_nlmsg_ok(message, left);
       message = mnl_nlmsg_next(message, &left)) {
    const auto family = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message))->nfgen_family;
    if (family == NFPROTO_INET || family == NFPROTO_IPV4 || family == NFPROTO_IPV6) ++rules;
  }
  auto result = Napi::Object::New(env);
  result["errno"] = answer.error;
  result["rules"] = rules;
  return result;
}

}  // namespace

void RegisterNetfilter(Napi::Env env, Napi::Object exports) {
  exports["netfilterRules"] = Napi::Function::New(env, Rules, "netfilterRules");
}
