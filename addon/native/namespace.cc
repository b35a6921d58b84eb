#include "namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

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

// Kernel objects of this kind are the same where device and inode are (namespaces(7)).
bool IsSame(const Fd& one, const Fd& other) {
  struct stat first = {};
  struct stat second = {};
  return fstat(one.get(), &first) == 0 && fstat(other.get(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// A namespace that lives as long as something holds it: this handle, a thread or a socket inside. None of
// these outlives this process.
class Namespace : public Napi::ObjectWrap<Namespace> {
 public:
  static void Register(Napi::Env env, Napi::Object exports);
  explicit Namespace(const Napi::CallbackInfo& info);

 private:
  Fd fd_;
  Napi::Value Path(const Napi::CallbackInfo& info);
  // close(): void, twice is fine
  void Close(const Napi::CallbackInfo&) { fd_.Reset(); }
};

// new Namespace()
Namespace::Namespace(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto env = info.Env();
  Fd home = OpenNamespace(env, kOwn);
  if (unshare(CLONE_NEWNET) != 0) {
    Throw(env, {.source = Source::kNetlink,
                .operation = "create",
                .subject = "a network namespace",
                .error = errno});
  }
  const NamespaceReturn back(std::move(home));
  fd_ = OpenNamespace(env, kOwn);
}

// path(): string, for open() in this process
Napi::Value Namespace::Path(const Napi::CallbackInfo& info) {
  if (!fd_) ThrowClosed(info.Env(), "the network namespace");
  return Napi::String::New(info.Env(), "/proc/self/fd/" + std::to_string(fd_.get()));
}

void Namespace::Register(Napi::Env env, Napi::Object exports) {
  exports["Namespace"] = DefineClass(env, "Namespace",
                                     {
                                         InstanceMethod<&Namespace::Path>("path"),
                                         InstanceMethod<&Namespace::Close>("close"),
                                     });
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

NamespaceReturn::~NamespaceReturn() {
  if (setns(home_.get(), CLONE_NEWNET) == 0) return;
  const std::string message =
      std::string("cannot come back to the network namespace of this thread: ") + std::strerror(errno);
  Napi::Error::Fatal("libbpf-ts", message.c_str());
}

NamespaceVisit::NamespaceVisit(Napi::Env env, const Fd& target, const std::string& name) {
  Fd home = OpenNamespace(env, kOwn);
  if (IsSame(home, target)) return;
  if (setns(target.get(), CLONE_NEWNET) != 0) Refuse(env, name, errno);
  return_.emplace(std::move(home));
}

Napi::Value CallInside(const Napi::Function& run) {
  const auto env = run.Env();
  napi_value result = nullptr;
  napi_call_function(env, env.Undefined(), run, 0, nullptr, &result);
  return Napi::Value(env, result);
}

void RegisterNamespace(Napi::Env env, Napi::Object exports) {
  Namespace::Register(env, exports);
  exports["inNamespace"] = Napi::Function::New(env, InNamespace, "inNamespace");
}
