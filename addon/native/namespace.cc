#include "namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstring>

#include "arguments.h"
#include "error.h"

namespace {

// O_NONBLOCK: a FIFO at that path must not hold the process.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
constexpr const char* kOwn = "/proc/thread-self/ns/net";

[[noreturn]] void Refuse(Napi::Env env, const std::string& name, int error) {
  Throw(env, {.source = Source::kNetlink,
              .operation = "enter",
              .subject = "network namespace " + name,
              .error = error,
              .cause = error == EINVAL ? "it is not a network namespace" : ""});
}

// inNamespace(path: string, run: () => unknown): unknown
//
// Native, because `finally` does not run in a worker thread that is being terminated.
Napi::Value InNamespace(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto path = TextOf(info[0], "path");
  if (!info[1].IsFunction()) throw Napi::TypeError::New(env, "run must be a function");
  const NamespaceVisit visit(env, OpenNamespace(env, path), path);
  return CallInside(info[1].As<Napi::Function>());
}

}  // namespace

Fd OpenNamespace(Napi::Env env, const std::string& path) {
  Fd fd(open(path.c_str(), kOpenFlags));
  if (!fd) Refuse(env, path, errno);
  return fd;
}

NamespaceVisit::NamespaceVisit(Napi::Env env, const Fd& target, const std::string& name)
    : home_(open(kOwn, kOpenFlags)) {
  if (!home_) Refuse(env, kOwn, errno);
  if (setns(target.get(), CLONE_NEWNET) != 0) Refuse(env, name, errno);
}

NamespaceVisit::~NamespaceVisit() {
  if (setns(home_.get(), CLONE_NEWNET) == 0) return;
  const std::string message =
      std::string("cannot come back to the network namespace of this thread: ") + std::strerror(errno);
  Napi::Error::Fatal("libbpf-ts", message.c_str());
}

Napi::Value CallInside(const Napi::Function& run) {
  const auto env = run.Env();
  napi_value result = nullptr;
  napi_call_function(env, env.Undefined(), run, 0, nullptr, &result);
  return Napi::Value(env, result);
}

void RegisterNamespace(Napi::Env env, Napi::Object exports) {
  exports["inNamespace"] = Napi::Function::New(env, InNamespace, "inNamespace");
}
