#ifndef LIBBPF_TS_RINGBUF_H
#define LIBBPF_TS_RINGBUF_H

#include <bpf/libbpf.h>
#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fd.h"
#include "readable.h"

struct RingCloser {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

// The reader's end of a ring buffer map: maps its pages, waits for records.
class RingBuffer : public Napi::ObjectWrap<RingBuffer> {
 public:
  explicit RingBuffer(const Napi::CallbackInfo& info);
  ~RingBuffer() override;
  static void Register(Napi::Env env, Napi::Object exports);

 private:
  static int Collect(void* context, void* data, size_t size) noexcept;
  Napi::Value Read(const Napi::CallbackInfo& info);
  void Wait(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void Release();

  Fd fd_;
  std::unique_ptr<ring_buffer, RingCloser> ring_;
  std::shared_ptr<Readable> readable_;
  std::vector<std::vector<uint8_t>> records_;
  std::string name_;
};

#endif
