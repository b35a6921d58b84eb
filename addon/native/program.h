#ifndef LIBBPF_TS_PROGRAM_H
#define LIBBPF_TS_PROGRAM_H

#include "handle.h"

class Program : public Handle<Program> {
 public:
  using Handle::Handle;
  static void Register(Napi::Env env, Napi::Object exports);

 private:
  friend Handle<Program>;
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Run(const Napi::CallbackInfo& info);
};

#endif
