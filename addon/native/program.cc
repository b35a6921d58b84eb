#include "program.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "messages.h"

namespace {

constexpr size_t kGrowth = 4096;  // what a program may push in front of or behind a packet

std::string Hex(const uint8_t* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; i++) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", bytes[i]);
    text += digits.data();
  }
  return text;
}

Napi::Uint8Array Copy(Napi::Env env, const std::vector<uint8_t>& bytes, size_t size) {
  auto copy = Napi::Uint8Array::New(env, size);
  std::copy_n(bytes.begin(), size, copy.Data());
  return copy;
}

// loadProgram(type: number, name: string, instructions: Uint8Array): Program; for feature probes
Napi::Value LoadProgram(const Napi::CallbackInfo& info) {
  const auto type = static_cast<bpf_prog_type>(Uint32Of(info[0], "type"));
  const auto name = TextOf(info[1], "name");
  const auto bytes = BytesOf(info[2], "instructions");
  if (bytes.size() % sizeof(bpf_insn) != 0)
    throw Napi::RangeError::New(info.Env(), "instructions must have 8 bytes each");
  std::vector<bpf_insn> instructions(bytes.size() / sizeof(bpf_insn));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(instructions.data()));
  Fd fd(bpf_prog_load(type, name.c_str(), "GPL", instructions.data(), instructions.size(), nullptr));
  if (!fd) Throw(info.Env(), {.operation = "load", .subject = name, .error = errno});
  return Program::Create(Instance::Of(info.Env()).program, std::move(fd), name);
}

}  // namespace

// info(): { id, type, name, tag, loadedNs, translatedBytes, jitedBytes, verifiedInstructions, mapIds,
// runCount, ... }
Napi::Value Program::Info(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  bpf_prog_info read{};
  uint32_t length = sizeof read;
  int result = bpf_obj_get_info_by_fd(fd(env), &read, &length);
  std::vector<uint32_t> map_ids(result == 0 ? read.nr_map_ids : 0);
  if (!map_ids.empty()) {
    read = {};
    read.nr_map_ids = static_cast<uint32_t>(map_ids.size());
    read.map_ids = reinterpret_cast<uintptr_t>(map_ids.data());
    length = sizeof read;
    result = bpf_obj_get_info_by_fd(fd(env), &read, &length);
  }
  if (result != 0) Throw(env, {.operation = "describe", .subject = name_, .error = errno});

  auto ids = Napi::Array::New(env, map_ids.size());
  for (uint32_t i = 0; i < map_ids.size(); i++) ids[i] = map_ids[i];
  auto object = Napi::Object::New(env);
  object["id"] = read.id;
  object["type"] = read.type;
  object["name"] = std::string(read.name);
  object["tag"] = Hex(read.tag, sizeof read.tag);
  object["loadedNs"] = Napi::BigInt::New(env, static_cast<uint64_t>(read.load_time));
  object["translatedBytes"] = read.xlated_prog_len;
  object["jitedBytes"] = read.jited_prog_len;
  object["verifiedInstructions"] = read.verified_insns;
  object["mapIds"] = ids;
  object["runCount"] = Napi::BigInt::New(env, static_cast<uint64_t>(read.run_cnt));
  object["runTimeNs"] = Napi::BigInt::New(env, static_cast<uint64_t>(read.run_time_ns));
  return object;
}

// run(packet: Uint8Array, context: Uint8Array | undefined, contextOut: number, repeat: number):
//   { returnValue: number, packet: Uint8Array, context: Uint8Array, durationNs: number }
Napi::Value Program::Run(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const int program = fd(env);
  const auto packet = BytesOf(info[0], "packet");
  const auto context = info[1].IsUndefined() ? Bytes{} : BytesOf(info[1], "context");
  std::vector<uint8_t> context_out(Uint32Of(info[2], "context size"));
  std::vector<uint8_t> packet_out(packet.size() + kGrowth);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(), .data_out = packet_out.data(),
              .data_size_in = static_cast<uint32_t>(packet.size()),
              .data_size_out = static_cast<uint32_t>(packet_out.size()),
              .ctx_in = context.empty() ? nullptr : context.data(),
              .ctx_out = context_out.empty() ? nullptr : context_out.data(),
              .ctx_size_in = static_cast<uint32_t>(context.size()),
              .ctx_size_out = static_cast<uint32_t>(context_out.size()),
              .repeat = static_cast<int>(Uint32Of(info[3], "repeat")));
  if (bpf_prog_test_run_opts(program, &options) != 0)
    Throw(env, {.operation = "run", .subject = name_, .error = errno});

  auto result = Napi::Object::New(env);
  result["returnValue"] = options.retval;
  result["packet"] = Copy(env, packet_out, std::min<size_t>(options.data_size_out, packet_out.size()));
  result["context"] = Copy(env, context_out, std::min<size_t>(options.ctx_size_out, context_out.size()));
  result["durationNs"] = options.duration;
  return result;
}

void Program::Register(Napi::Env env, Napi::Object exports) {
  const auto constructor = DefineClass(env, "Program",
                                       {
                                           InstanceMethod<&Program::Info>("info"),
                                           InstanceMethod<&Program::Run>("run"),
                                           InstanceMethod("pin", &Program::Pin),
                                           InstanceMethod("close", &Program::Close),
                                       });
  Instance::Of(env).program = Napi::Persistent(constructor);
  exports["loadProgram"] = Napi::Function::New(env, LoadProgram, "loadProgram");
}
