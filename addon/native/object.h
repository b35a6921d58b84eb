#ifndef LIBBPF_TS_OBJECT_H
#define LIBBPF_TS_OBJECT_H

#include <bpf/libbpf.h>
#include <napi.h>

#include <memory>
#include <string>

struct ObjectCloser {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectPtr = std::unique_ptr<bpf_object, ObjectCloser>;

// An object file before it is loaded. load() gives its programs and maps away as handles of their own.
class OpenObject : public Napi::ObjectWrap<OpenObject> {
 public:
  explicit OpenObject(const Napi::CallbackInfo& info);
  static void Register(Napi::Env env, Napi::Object exports);

 private:
  bpf_object* Open(Napi::Env env) const;
  bpf_program* ProgramOf(const Napi::Value& name) const;
  bpf_map* MapOf(const Napi::Value& name) const;

  Napi::Value Name(const Napi::CallbackInfo& info);
  Napi::Value Btf(const Napi::CallbackInfo& info);
  Napi::Value Programs(const Napi::CallbackInfo& info);
  Napi::Value Maps(const Napi::CallbackInfo& info);
  void SetProgramType(const Napi::CallbackInfo& info);
  void SetAutoload(const Napi::CallbackInfo& info);
  void SetMaxEntries(const Napi::CallbackInfo& info);
  void SetPinPath(const Napi::CallbackInfo& info);
  void SetData(const Napi::CallbackInfo& info);
  void Reuse(const Napi::CallbackInfo& info);
  Napi::Value Load(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  ObjectPtr object_;
  std::string name_;
};

#endif
