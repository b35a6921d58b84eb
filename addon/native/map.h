#ifndef LIBBPF_TS_MAP_H
#define LIBBPF_TS_MAP_H

#include <bpf/bpf.h>

#include "handle.h"

class Map : public Handle<Map> {
 public:
  using Handle::Handle;
  static void Register(Napi::Env env, Napi::Object exports);

 private:
  friend Handle<Map>;
  void Opened(Napi::Env env);
  bpf_map_info Read(Napi::Env env);
  const void* KeyOf(const Napi::Value& value);
  Bytes Several(const Napi::Value& value, size_t size, uint32_t count, const char* what);

  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Lookup(const Napi::CallbackInfo& info);
  Napi::Value Take(const Napi::CallbackInfo& info);
  void Update(const Napi::CallbackInfo& info);
  Napi::Value Delete(const Napi::CallbackInfo& info);
  Napi::Value NextKey(const Napi::CallbackInfo& info);
  Napi::Value LookupBatch(const Napi::CallbackInfo& info);
  Napi::Value UpdateBatch(const Napi::CallbackInfo& info);
  Napi::Value DeleteBatch(const Napi::CallbackInfo& info);
  void Freeze(const Napi::CallbackInfo& info);

  uint32_t key_size_ = 0;
  size_t value_bytes_ = 0;  // what the kernel copies: per-CPU maps have a value for each possible CPU
};

#endif
