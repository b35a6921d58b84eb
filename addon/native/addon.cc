// Each part registers itself; initialize() hands over the error classes.
#include <napi.h>

#include "clsact.h"
#include "instance.h"
#include "link.h"
#include "map.h"
#include "netfilter.h"
#include "netlink.h"
#include "object.h"
#include "program.h"
#include "ringbuf.h"
#include "system.h"

namespace {

// initialize(BpfError: new (fields) => Error, NetlinkError: new (fields) => Error): void
void Initialize(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction() || !info[1].IsFunction())
    throw Napi::TypeError::New(info.Env(), "initialize() takes the classes BpfError and NetlinkError");
  auto& instance = Instance::Of(info.Env());
  instance.bpf_error = Napi::Persistent(info[0].As<Napi::Function>());
  instance.netlink_error = Napi::Persistent(info[1].As<Napi::Function>());
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Instance());
  exports["initialize"] = Napi::Function::New(env, Initialize, "initialize");
  OpenObject::Register(env, exports);
  Program::Register(env, exports);
  Map::Register(env, exports);
  RingBuffer::Register(env, exports);
  Link::Register(env, exports);
  RegisterClsact(env, exports);
  RegisterSystem(env, exports);
  RegisterNetlink(env, exports);
  RegisterNetfilter(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(libbpf_ts, Init)
