// What all kernel handles share: a name, a descriptor, close() and pin().
#ifndef LIBBPF_TS_HANDLE_H
#define LIBBPF_TS_HANDLE_H

#include <bpf/bpf.h>
#include <napi.h>

#include <string>
#include <utility>

#include "arguments.h"
#include "error.h"
#include "fd.h"
#include "instance.h"

// JavaScript can construct a T, but only Create() opens one: `new native.Map()` is a closed handle.
template <class T>
class Handle : public Napi::ObjectWrap<T> {
 public:
  explicit Handle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {}

  static Napi::Object Create(const Napi::FunctionReference& constructor, Fd fd, std::string name) {
    const Napi::Object object = constructor.New({});
    T& handle = *T::Unwrap(object);
    handle.fd_ = std::move(fd);
    handle.name_ = std::move(name);
    handle.Opened(object.Env());
    return object;
  }

  // The handle behind an argument; a TypeError for anything else.
  static T& Of(const Napi::Value& value, const Napi::FunctionReference& constructor, const char* what) {
    if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(constructor.Value()))
      throw Napi::TypeError::New(value.Env(), std::string(what) + " has the wrong type");
    return *T::Unwrap(value.As<Napi::Object>());
  }

  int fd(Napi::Env env) const {
    if (!fd_) ThrowClosed(env, name_);
    return fd_.get();
  }
  const std::string& name() const { return name_; }

 protected:
  void Opened(Napi::Env) {}

  // close(): void, twice is fine
  void Close(const Napi::CallbackInfo&) { fd_.Reset(); }

  // pin(path: string): void
  void Pin(const Napi::CallbackInfo& info) {
    const auto path = TextOf(info[0], "path");
    if (bpf_obj_pin(fd(info.Env()), path.c_str()) != 0)
      Throw(info.Env(), {.operation = "pin", .subject = name_ + " to " + path, .error = errno});
  }

  Fd fd_;
  std::string name_ = "this handle";
};

#endif
