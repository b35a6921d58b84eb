// What the kernel tells of changes: a socket in multicast groups, read when somebody waits.
#ifndef LIBBPF_TS_NETLINK_WATCH_H
#define LIBBPF_TS_NETLINK_WATCH_H

#include <napi.h>

#include <memory>

#include "netlink_socket.h"
#include "readable.h"

class NetlinkWatch : public Napi::ObjectWrap<NetlinkWatch> {
 public:
  static void Register(Napi::Env env, Napi::Object exports);
  explicit NetlinkWatch(const Napi::CallbackInfo& info);
  ~NetlinkWatch() override;

 private:
  std::unique_ptr<RouteSocket> socket_;
  std::shared_ptr<Readable> readable_;

  RouteSocket& Open(Napi::Env env);
  void Wait(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void Release();
};

#endif
