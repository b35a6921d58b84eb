// Network namespaces belong to threads: this one goes to another and always comes back.
#ifndef LIBBPF_TS_NAMESPACE_H
#define LIBBPF_TS_NAMESPACE_H

#include <napi.h>

#include <string>

#include "fd.h"

// The namespace at `path` (/run/netns/NAME, /proc/PID/ns/net).
Fd OpenNamespace(Napi::Env env, const std::string& path);

// This thread is in `target` while the object lives. Not being able to come back aborts the process: all
// that ran after it would act on the wrong network.
class NamespaceVisit {
 public:
  NamespaceVisit(Napi::Env env, const Fd& target, const std::string& name);
  ~NamespaceVisit();
  NamespaceVisit(const NamespaceVisit&) = delete;
  NamespaceVisit& operator=(const NamespaceVisit&) = delete;

 private:
  Fd home_;
};

// Calls a function while a visit lasts. What it throws stays pending and goes on to JavaScript when native
// code returns: a C++ exception would need an Error of its own, which a terminated worker thread cannot make
// any more.
Napi::Value CallInside(const Napi::Function& run);

void RegisterNamespace(Napi::Env env, Napi::Object exports);

#endif
