#ifndef LIBBPF_TS_LINK_H
#define LIBBPF_TS_LINK_H

#include "handle.h"

class Link : public Handle<Link> {
 public:
  using Handle::Handle;
  static void Register(Napi::Env env, Napi::Object exports);

 private:
  friend Handle<Link>;
  Napi::Value Info(const Napi::CallbackInfo& info);
  void Update(const Napi::CallbackInfo& info);
  void Detach(const Napi::CallbackInfo& info);
};

#endif
