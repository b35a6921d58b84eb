#include "ringbuf.h"

#include <fcntl.h>

#include <cerrno>
#include <new>

#include "error.h"
#include "instance.h"
#include "map.h"
#include "messages.h"

namespace {

constexpr size_t kMostRecords = 1024;  // for one read: a fast producer must not keep the event loop

}  // namespace

// new RingBuffer(map: Map)
RingBuffer::RingBuffer(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto env = info.Env();
  const Map& map = Map::Of(info[0], Instance::Of(env).map, "map");
  name_ = map.name();
  fd_ = Fd(fcntl(map.fd(env), F_DUPFD_CLOEXEC, 3));
  const Messages messages;
  if (fd_) ring_.reset(ring_buffer__new(fd_.get(), &RingBuffer::Collect, this, nullptr));
  if (!ring_) {
    const int error = errno;
    Throw(env, {.operation = "read", .subject = name_, .error = error, .messages = messages.text()});
  }
}

RingBuffer::~RingBuffer() { Release(); }

// Called through C frames; a negative result stops after this record.
int RingBuffer::Collect(void* context, void* data, size_t size) noexcept {
  auto& records = static_cast<RingBuffer*>(context)->records_;
  const auto* bytes = static_cast<const uint8_t*>(data);
  try {
    records.emplace_back(bytes, bytes + size);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  return records.size() < kMostRecords ? 0 : -ECANCELED;
}

// read(): Uint8Array[], what is there now
Napi::Value RingBuffer::Read(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  if (!ring_) ThrowClosed(env, name_);
  records_.clear();
  const int result = ring_buffer__consume(ring_.get());
  if (result < 0 && result != -ECANCELED)
    Throw(env, {.operation = "read", .subject = name_, .error = -result});
  auto list = Napi::Array::New(env, records_.size());
  for (uint32_t i = 0; i < records_.size(); i++) {
    auto record = Napi::Uint8Array::New(env, records_[i].size());
    std::copy(records_[i].begin(), records_[i].end(), record.Data());
    list[i] = record;
  }
  records_.clear();
  return list;
}

// wait(callback: () => void): void, calls back once when there is something to read
void RingBuffer::Wait(const Napi::CallbackInfo& info) {
  if (!ring_) ThrowClosed(info.Env(), name_);
  if (readable_) return readable_->Arm();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "callback must be a function");
  readable_ = Readable::Start(info.Env(), fd_.get(), info[0].As<Napi::Function>());
}

// close(): void, twice is fine
void RingBuffer::Close(const Napi::CallbackInfo&) { Release(); }

void RingBuffer::Release() {
  if (readable_) readable_->Stop();
  readable_.reset();
  ring_.reset();
  fd_.Reset();
}

void RingBuffer::Register(Napi::Env env, Napi::Object exports) {
  exports["RingBuffer"] = DefineClass(env, "RingBuffer",
                                      {
                                          InstanceMethod<&RingBuffer::Read>("read"),
                                          InstanceMethod<&RingBuffer::Wait>("wait"),
                                          InstanceMethod<&RingBuffer::Close>("close"),
                                      });
}
