#include "error.h"

#include <cstring>

#include "instance.h"

void Throw(Napi::Env env, const Failure& failure) {
  auto fields = Napi::Object::New(env);
  fields["operation"] = failure.operation;
  fields["object"] = failure.subject;
  fields["errno"] = failure.error;
  fields["cause"] = failure.cause.empty() ? std::string(std::strerror(failure.error)) : failure.cause;
  if (!failure.messages.empty()) fields["messages"] = failure.messages;
  const auto& instance = Instance::Of(env);
  const auto& type = failure.source == Source::kBpf ? instance.bpf_error : instance.netlink_error;
  if (type.IsEmpty()) throw Napi::Error::New(env, "libbpf-ts is not initialized: call initialize() first");
  const Napi::Object error = type.New({fields});
  throw Napi::Error(env, error);
}

void ThrowClosed(Napi::Env env, const std::string& name) { throw Napi::Error::New(env, name + " is closed"); }
