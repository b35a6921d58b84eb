// The one way out of native code: Throw() builds the JavaScript class that initialize() handed over.
#ifndef LIBBPF_TS_ERROR_H
#define LIBBPF_TS_ERROR_H

#include <napi.h>

#include <string>

// Which JavaScript class a failure becomes.
enum class Source { kBpf, kNetlink };

struct Failure {
  Source source = Source::kBpf;
  std::string operation = {};  // "look up in": reads well after "cannot"
  std::string subject = {};    // "blocks"
  int error = 0;               // positive errno
  std::string cause = {};      // why, where errno's own text says too little (netlink extack)
  std::string messages = {};   // what libbpf printed meanwhile, the verifier's log in it
};

[[noreturn]] void Throw(Napi::Env env, const Failure& failure);

// "<name> is closed": an Error, not EBADF, because the caller's code is wrong and not the kernel's answer.
[[noreturn]] void ThrowClosed(Napi::Env env, const std::string& name);

#endif
