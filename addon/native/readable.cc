#include "readable.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "error.h"
#include "fd.h"

// Shared by the JavaScript thread, the waiting thread and the thread-safe function's finalizer.
struct Readable::Waiter {
  Fd poll;
  Fd stop;
  int fd = -1;
  napi_env env = nullptr;
  bool stopped = false;  // JavaScript thread only
  Napi::ThreadSafeFunction callback;
  std::thread thread;

  bool Control(int operation) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLONESHOT;  // silent until Arm()
    event.data.fd = fd;
    return epoll_ctl(poll.get(), operation, fd, &event) == 0;
  }

  void Wait() {
    for (;;) {
      epoll_event event{};
      const int count = epoll_wait(poll.get(), &event, 1, -1);
      if (count < 0 && errno == EINTR) continue;
      if (count != 1 || event.data.fd == stop.get()) return;
      // The finalizer joins this thread before the waiter goes, so `this` outlives the call.
      const auto call = [this](Napi::Env target, Napi::Function function) {
        callback.Unref(target);
        function.Call({});
      };
      if (callback.NonBlockingCall(call) != napi_ok) return;
    }
  }

  void Join() {
    if (!thread.joinable()) return;
    const uint64_t one = 1;
    if (write(stop.get(), &one, sizeof one) < 0) return;  // cannot fail: the counter is at most 2
    thread.join();
  }
};

std::shared_ptr<Readable> Readable::Start(Napi::Env env, int fd, Napi::Function callback) {
  const auto waiter = std::make_shared<Waiter>();
  waiter->env = env;
  waiter->fd = fd;
  waiter->poll = Fd(epoll_create1(EPOLL_CLOEXEC));
  waiter->stop = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = waiter->stop.get();
  if (!waiter->poll || !waiter->stop ||
      epoll_ctl(waiter->poll.get(), EPOLL_CTL_ADD, waiter->stop.get(), &event) != 0 ||
      !waiter->Control(EPOLL_CTL_ADD)) {
    Throw(env, {.operation = "wait for", .subject = "descriptor " + std::to_string(fd), .error = errno});
  }
  // The finalizer runs at release and at environment teardown; either way the thread ends before its target.
  waiter->callback = Napi::ThreadSafeFunction::New(env, callback, "libbpf-ts readable", 1, 1,
                                                   [waiter](Napi::Env) { waiter->Join(); });
  try {
    waiter->thread = std::thread([waiter = waiter.get()] { waiter->Wait(); });
  } catch (const std::system_error& error) {
    waiter->stopped = true;
    waiter->callback.Release();
    Throw(env, {.operation = "start", .subject = "a waiting thread", .error = error.code().value()});
  }
  return std::shared_ptr<Readable>(new Readable(waiter));
}

Readable::Readable(std::shared_ptr<Waiter> waiter) : waiter_(std::move(waiter)) {}

Readable::~Readable() { Stop(); }

void Readable::Arm() {
  if (waiter_->stopped) return;
  waiter_->callback.Ref(waiter_->env);
  waiter_->Control(EPOLL_CTL_MOD);
}

void Readable::Stop() {
  if (waiter_->stopped) return;
  waiter_->stopped = true;
  waiter_->Join();
  waiter_->callback.Release();
}
