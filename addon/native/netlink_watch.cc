#include "netlink_watch.h"

#include <linux/rtnetlink.h>

#include <cerrno>

#include "arguments.h"
#include "error.h"
#include "netlink_read.h"

namespace {

constexpr uint32_t kMostEvents = 1024;  // for one read: a busy kernel must not keep the event loop

Napi::Object Event(Napi::Env env, uint32_t type, const Napi::Value& state) {
  auto event = Napi::Object::New(env);
  event["message"] = type;
  event["state"] = state;
  return event;
}

// After ENOBUFS the kernel goes on dropping, without a further word, until the queue is empty
// (NETLINK_S_CONGESTED). What is in it is older than the dump that has to follow.
void Drain(Napi::Env env, RouteSocket& socket) {
  int error = 0;
  while (error == 0 || error == ENOBUFS) error = socket.Receive(env).error;
}

}  // namespace

// new NetlinkWatch(groups: number[]), in the namespace that this thread is in
NetlinkWatch::NetlinkWatch(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto env = info.Env();
  if (!info[0].IsArray()) throw Napi::TypeError::New(env, "groups must be an array");
  socket_ = std::make_unique<RouteSocket>(env);
  const auto groups = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < groups.Length(); i++)
    socket_->Join(env, static_cast<int>(Uint32Of(groups.Get(i), "group")));
}

NetlinkWatch::~NetlinkWatch() { Release(); }

RouteSocket& NetlinkWatch::Open(Napi::Env env) {
  if (!socket_) ThrowClosed(env, "the watch");
  return *socket_;
}

// wait(callback: () => void): void, calls back once when there is something to read
void NetlinkWatch::Wait(const Napi::CallbackInfo& info) {
  auto& socket = Open(info.Env());
  if (readable_) return readable_->Arm();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "callback must be a function");
  readable_ = Readable::Start(info.Env(), socket.fd(), info[0].As<Napi::Function>());
}

// read(): { message: number; state: object | undefined }[], what is there now; message 0: some were dropped
Napi::Value NetlinkWatch::Read(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto& socket = Open(env);
  auto list = Napi::Array::New(env);
  while (list.Length() < kMostEvents) {
    const auto arrival = socket.Receive(env);
    if (arrival.error == EAGAIN) break;
    if (arrival.error == ENOBUFS) {
      Drain(env, socket);
      list[list.Length()] = Event(env, 0, env.Undefined());
      continue;
    }
    if (arrival.error != 0)
      Throw(env, {.source = Source::kNetlink,
                  .operation = "watch",
                  .subject = "the network's state",
                  .error = arrival.error});
    int left = static_cast<int>(arrival.size);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(arrival.data); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      const auto state = ReadMessage(env, message);
      if (state) list[list.Length()] = Event(env, message->nlmsg_type, *state);
    }
  }
  return list;
}

// close(): void, twice is fine
void NetlinkWatch::Close(const Napi::CallbackInfo&) { Release(); }

void NetlinkWatch::Release() {
  if (readable_) readable_->Stop();
  readable_.reset();
  socket_.reset();
}

void NetlinkWatch::Register(Napi::Env env, Napi::Object exports) {
  exports["NetlinkWatch"] = DefineClass(env, "NetlinkWatch",
                                        {
                                            InstanceMethod<&NetlinkWatch::Wait>("wait"),
                                            InstanceMethod<&NetlinkWatch::Read>("read"),
                                            InstanceMethod<&NetlinkWatch::Close>("close"),
                                        });
}
