// Calls JavaScript back when a file descriptor can be read: one waiting thread for each, no polling.
//
// Pure Node-API: uv.h is not part of it and is missing where only the runtime is installed.
#ifndef LIBBPF_TS_READABLE_H
#define LIBBPF_TS_READABLE_H

#include <napi.h>

#include <memory>

class Readable {
 public:
  // Starts to wait; `fd` must stay open until Stop(). `callback` runs once on the JavaScript thread for each
  // Arm(); the first is implied. An armed wait keeps the process alive. Stop() may be called twice; a call
  // already on its way may still come after it.
  static std::shared_ptr<Readable> Start(Napi::Env env, int fd, Napi::Function callback);

  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

  void Arm();
  void Stop();

 private:
  struct Waiter;
  explicit Readable(std::shared_ptr<Waiter> waiter);
  std::shared_ptr<Waiter> waiter_;
};

#endif
