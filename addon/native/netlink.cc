#include "netlink.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "error.h"
#include "ethtool.h"
#include "namespace.h"
#include "netlink_read.h"
#include "netlink_socket.h"
#include "netlink_watch.h"
#include "netlink_write.h"

namespace {

constexpr uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;
constexpr uint16_t kReplace = NLM_F_CREATE | NLM_F_REPLACE;

class NetlinkSocket : public Napi::ObjectWrap<NetlinkSocket> {
 public:
  static void Register(Napi::Env env, Napi::Object exports);
  explicit NetlinkSocket(const Napi::CallbackInfo& info);

 private:
  std::unique_ptr<RouteSocket> socket_;

  Napi::Value Links(const Napi::CallbackInfo& info);
  Napi::Value Addresses(const Napi::CallbackInfo& info);
  Napi::Value Routes(const Napi::CallbackInfo& info);
  Napi::Value Neighbours(const Napi::CallbackInfo& info);
  Napi::Value Rules(const Napi::CallbackInfo& info);
  Napi::Value Link(const Napi::CallbackInfo& info);
  Napi::Value Veth(const Napi::CallbackInfo& info);
  Napi::Value Vxlan(const Napi::CallbackInfo& info);
  Napi::Value Vtep(const Napi::CallbackInfo& info);
  Napi::Value Ipip(const Napi::CallbackInfo& info);
  Napi::Value RemoveLink(const Napi::CallbackInfo& info);
  Napi::Value Features(const Napi::CallbackInfo& info);
  Napi::Value SetFeatures(const Napi::CallbackInfo& info);
  Napi::Value Address(const Napi::CallbackInfo& info);
  Napi::Value Route(const Napi::CallbackInfo& info);
  Napi::Value Neighbour(const Napi::CallbackInfo& info);
  Napi::Value Rule(const Napi::CallbackInfo& info);
  Napi::Value Forwarding(const Napi::CallbackInfo& info);
  Napi::Value Inside(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  Napi::Value Dump(Napi::Env env, Request& request);
  Napi::Value Change(const Napi::CallbackInfo& info, uint16_t put, uint16_t remove,
                     void (Request::*fill)(const Napi::Object&));
  RouteSocket& Open(Napi::Env env);
};

Napi::Object ObjectOf(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an object");
  return value.As<Napi::Object>();
}

uint8_t ByteOf(const Napi::Value& value, const char* what) {
  const uint32_t number = Uint32Of(value, what);
  if (number > UINT8_MAX) throw Napi::RangeError::New(value.Env(), std::string(what) + " is above 255");
  return static_cast<uint8_t>(number);
}

// { errno, cause, interrupted, items }: the caller knows which errno is a failure.
Napi::Object AnswerObject(Napi::Env env, const Answer& answer) {
  auto object = Napi::Object::New(env);
  object["errno"] = answer.error;
  object["cause"] = answer.cause.empty() ? std::string(std::strerror(answer.error)) : answer.cause;
  object["interrupted"] = answer.interrupted;
  return object;
}

// new NetlinkSocket(namespace?: string)
NetlinkSocket::NetlinkSocket(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto env = info.Env();
  if (info[0].IsUndefined()) {
    socket_ = std::make_unique<RouteSocket>(env);
    return;
  }
  const auto path = TextOf(info[0], "namespace");
  const NamespaceVisit visit(env, OpenNamespace(env, path), path);
  socket_ = std::make_unique<RouteSocket>(env);
}

RouteSocket& NetlinkSocket::Open(Napi::Env env) {
  if (!socket_) ThrowClosed(env, "the netlink socket");
  return *socket_;
}

Napi::Value NetlinkSocket::Dump(Napi::Env env, Request& request) {
  const auto answer = Open(env).Ask(env, request.header());
  auto object = AnswerObject(env, answer);
  auto items = Napi::Array::New(env);
  int left = answer.interrupted ? 0 : static_cast<int>(answer.messages.size());
  for (auto* message = reinterpret_cast<const nlmsghdr*>(answer.messages.data()); mnl_nlmsg_ok(message, left);
       message = mnl_nlmsg_next(message, &left)) {
    const Napi::HandleScope scope(env);
    const auto item = ReadMessage(env, message);
    if (item) items[items.Length()] = *item;
  }
  object["items"] = items;
  return object;
}

// links(): Dump<RawLink>
Napi::Value NetlinkSocket::Links(const Napi::CallbackInfo& info) {
  Request request(RTM_GETLINK, NLM_F_DUMP);
  request.AllLinks();
  return Dump(info.Env(), request);
}

// addresses(family: number): Dump<RawAddress>
Napi::Value NetlinkSocket::Addresses(const Napi::CallbackInfo& info) {
  Request request(RTM_GETADDR, NLM_F_DUMP);
  request.AllAddresses(ByteOf(info[0], "family"));
  return Dump(info.Env(), request);
}

// routes(family: number, table: number, protocol: number): Dump<RawRoute>, 0 is any
Napi::Value NetlinkSocket::Routes(const Napi::CallbackInfo& info) {
  Request request(RTM_GETROUTE, NLM_F_DUMP);
  request.AllRoutes(ByteOf(info[0], "family"), Uint32Of(info[1], "table"), ByteOf(info[2], "protocol"));
  return Dump(info.Env(), request);
}

// neighbours(family: number, proxy: boolean): Dump<RawNeighbour>
Napi::Value NetlinkSocket::Neighbours(const Napi::CallbackInfo& info) {
  Request request(RTM_GETNEIGH, NLM_F_DUMP);
  request.AllNeighbours(ByteOf(info[0], "family"), BoolOf(info[1], "proxy") ? NTF_PROXY : 0);
  return Dump(info.Env(), request);
}

// rules(family: number): Dump<RawRule>
Napi::Value NetlinkSocket::Rules(const Napi::CallbackInfo& info) {
  Request request(RTM_GETRULE, NLM_F_DUMP);
  request.AllRules(ByteOf(info[0], "family"));
  return Dump(info.Env(), request);
}

Napi::Value NetlinkSocket::Change(const Napi::CallbackInfo& info, uint16_t put, uint16_t remove,
                                  void (Request::*fill)(const Napi::Object&)) {
  const auto env = info.Env();
  auto& socket = Open(env);
  const auto verb = TextOf(info[0], "verb");
  if (verb != "create" && verb != "replace" && verb != "remove")
    throw Napi::TypeError::New(env, "verb must be create, replace or remove");
  const uint16_t flags = verb == "create" ? kCreate : verb == "replace" ? kReplace : 0;
  Request request(verb == "remove" ? remove : put, NLM_F_ACK | flags);
  (request.*fill)(ObjectOf(info[1], "fields"));
  return AnswerObject(env, socket.Ask(env, request.header()));
}

// link(fields: LinkFields): Answer, for one that is there
Napi::Value NetlinkSocket::Link(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  Request request(RTM_NEWLINK, NLM_F_ACK);
  request.Link(ObjectOf(info[0], "fields"));
  return AnswerObject(env, socket.Ask(env, request.header()));
}

// veth(name: string, peer: string): Answer; both ends are down
Napi::Value NetlinkSocket::Veth(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  Request request(RTM_NEWLINK, NLM_F_ACK | kCreate);
  request.Veth(env, TextOf(info[0], "name"), TextOf(info[1], "peer"));
  return AnswerObject(env, socket.Ask(env, request.header()));
}

// vxlan(name: string, port: number, vniFilter: boolean): Answer; it is down
Napi::Value NetlinkSocket::Vxlan(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  Request request(RTM_NEWLINK, NLM_F_ACK | kCreate);
  request.Vxlan(env, TextOf(info[0], "name"), static_cast<uint16_t>(Uint32Of(info[1], "port")),
                BoolOf(info[2], "vniFilter"));
  return AnswerObject(env, socket.Ask(env, request.header()));
}

// vtep(fields: RawVtep): Answer; it is down and learns nothing
Napi::Value NetlinkSocket::Vtep(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  Request request(RTM_NEWLINK, NLM_F_ACK | kCreate);
  request.Vtep(ObjectOf(info[0], "fields"));
  return AnswerObject(env, socket.Ask(env, request.header()));
}

// ipip(name: string): Answer; it is down, of any local and remote address
Napi::Value NetlinkSocket::Ipip(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  Request request(RTM_NEWLINK, NLM_F_ACK | kCreate);
  request.Ipip(env, TextOf(info[0], "name"));
  return AnswerObject(env, socket.Ask(env, request.header()));
}

// removeLink(index: number): Answer
Napi::Value NetlinkSocket::RemoveLink(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  Request request(RTM_DELLINK, NLM_F_ACK);
  request.OneLink(Uint32Of(info[0], "index"));
  return AnswerObject(env, socket.Ask(env, request.header()));
}

// features(index: number): Dump<RawFeature>
Napi::Value NetlinkSocket::Features(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  std::vector<Feature> features;
  Answer answer;
  answer.error = Ethtool(Open(env).fd(), static_cast<int>(Uint32Of(info[0], "index"))).Read(features);
  auto object = AnswerObject(env, answer);
  auto items = Napi::Array::New(env);
  for (const auto& feature : features) {
    auto item = Napi::Object::New(env);
    item["name"] = feature.name;
    item["active"] = feature.active;
    item["changeable"] = feature.changeable;
    items[items.Length()] = item;
  }
  object["items"] = items;
  return object;
}

// setFeatures(index: number, wanted: [name: string, active: boolean][]): Answer
Napi::Value NetlinkSocket::SetFeatures(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  const uint32_t index = Uint32Of(info[0], "index");
  if (!info[1].IsArray()) throw Napi::TypeError::New(env, "wanted must be an array");
  const auto list = info[1].As<Napi::Array>();
  std::vector<Feature> wanted;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value pair = list.Get(i);
    if (!pair.IsArray()) throw Napi::TypeError::New(env, "wanted holds something else than pairs");
    const auto of = pair.As<Napi::Array>();
    wanted.push_back({.name = TextOf(of.Get(0U), "name"), .active = BoolOf(of.Get(1U), "active")});
  }
  Answer answer;
  answer.error = Ethtool(socket.fd(), static_cast<int>(index)).Write(wanted);
  return AnswerObject(env, answer);
}

// address(verb: Verb, fields: RawAddress): Answer
Napi::Value NetlinkSocket::Address(const Napi::CallbackInfo& info) {
  return Change(info, RTM_NEWADDR, RTM_DELADDR, &Request::Address);
}

// route(verb: Verb, fields: RawRoute): Answer
Napi::Value NetlinkSocket::Route(const Napi::CallbackInfo& info) {
  return Change(info, RTM_NEWROUTE, RTM_DELROUTE, &Request::Route);
}

// neighbour(verb: Verb, fields: RawNeighbour): Answer
Napi::Value NetlinkSocket::Neighbour(const Napi::CallbackInfo& info) {
  return Change(info, RTM_NEWNEIGH, RTM_DELNEIGH, &Request::Neighbour);
}

// rule(verb: Verb, fields: RawRule): Answer
Napi::Value NetlinkSocket::Rule(const Napi::CallbackInfo& info) {
  return Change(info, RTM_NEWRULE, RTM_DELRULE, &Request::Rule);
}

// forwarding(verb: Verb, fields: RawForwarding): Answer
Napi::Value NetlinkSocket::Forwarding(const Napi::CallbackInfo& info) {
  return Change(info, RTM_NEWNEIGH, RTM_DELNEIGH, &Request::Forwarding);
}

// inside(run: () => T): T, with this thread in the socket's namespace, whatever became of its path
Napi::Value NetlinkSocket::Inside(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "run must be a function");
  const NamespaceVisit visit(env, Open(env).Namespace(env), "of the netlink socket");
  return CallInside(info[0].As<Napi::Function>());
}

// close(): void, twice is fine
void NetlinkSocket::Close(const Napi::CallbackInfo&) { socket_.reset(); }

void NetlinkSocket::Register(Napi::Env env, Napi::Object exports) {
  exports["NetlinkSocket"] = DefineClass(env, "NetlinkSocket",
                                         {
                                             InstanceMethod<&NetlinkSocket::Links>("links"),
                                             InstanceMethod<&NetlinkSocket::Addresses>("addresses"),
                                             InstanceMethod<&NetlinkSocket::Routes>("routes"),
                                             InstanceMethod<&NetlinkSocket::Neighbours>("neighbours"),
                                             InstanceMethod<&NetlinkSocket::Link>("link"),
                                             InstanceMethod<&NetlinkSocket::Veth>("veth"),
                                             InstanceMethod<&NetlinkSocket::Vxlan>("vxlan"),
                                             InstanceMethod<&NetlinkSocket::Vtep>("vtep"),
                                             InstanceMethod<&NetlinkSocket::Ipip>("ipip"),
                                             InstanceMethod<&NetlinkSocket::RemoveLink>("removeLink"),
                                             InstanceMethod<&NetlinkSocket::Features>("features"),
                                             InstanceMethod<&NetlinkSocket::SetFeatures>("setFeatures"),
                                             InstanceMethod<&NetlinkSocket::Address>("address"),
                                             InstanceMethod<&NetlinkSocket::Route>("route"),
                                             InstanceMethod<&NetlinkSocket::Neighbour>("neighbour"),
                                             InstanceMethod<&NetlinkSocket::Rules>("rules"),
                                             InstanceMethod<&NetlinkSocket::Rule>("rule"),
                                             InstanceMethod<&NetlinkSocket::Forwarding>("forwarding"),
                                             InstanceMethod<&NetlinkSocket::Inside>("inside"),
                                             InstanceMethod<&NetlinkSocket::Close>("close"),
                                         });
}

}  // namespace

void RegisterNetlink(Napi::Env env, Napi::Object exports) {
  RegisterNamespace(env, exports);
  NetlinkSocket::Register(env, exports);
  NetlinkWatch::Register(env, exports);
}
