// Network namespaces belong to threads: this one goes to another and always comes back.
#ifndef LIBBPF_TS_NAMESPACE_H
#define LIBBPF_TS_NAMESPACE_H

#include <napi.h>

#include <optional>
#include <string>
#include <utility>

#include "fd.h"

// The namespace at `path` (/run/netns/NAME, /proc/PID/ns/net).
Fd OpenNamespace(Napi::Env env, const std::string& path);

// Brings this thread back to `home`. Not being able to aborts the process: all that ran after it would act on
// the wrong network.
class NamespaceReturn {
 public:
  explicit NamespaceReturn(Fd home) : home_(std::move(home)) {}
  ~NamespaceReturn();
  NamespaceReturn(const NamespaceReturn&) = delete;
  NamespaceReturn& operator=(const NamespaceReturn&) = delete;

 private:
  Fd home_;
};

// This thread is in `target` while the object lives. Where it is there already nothing is asked of the
// kernel, which would want CAP_SYS_ADMIN for it.
class NamespaceVisit {
 public:
  NamespaceVisit(Napi::Env env, const Fd& target, const std::string& name);

 private:
  std::optional<NamespaceReturn> return_;
};

// Calls a function while a visit lasts. What it throws stays pending and goes on to JavaScript when native
// code returns: a C++ exception would need an Error of its own, which a terminated worker thread cannot make
// any more.
Napi::Value CallInside(const Napi::Function& run);

void RegisterNamespace(Napi::Env env, Napi::Object exports);

#endif
