// What belongs to no object: BTF of files and of the kernel, pins by path, probes, statistics.
#include "system.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "arguments.h"
#include "error.h"
#include "handle.h"
#include "link.h"
#include "map.h"
#include "messages.h"
#include "program.h"

namespace {

struct BtfCloser {
  void operator()(btf* types) const { btf__free(types); }
};
using BtfPtr = std::unique_ptr<btf, BtfCloser>;

Napi::Value BytesOfBtf(Napi::Env env, const BtfPtr& types, const std::string& subject,
                       const Messages& messages) {
  const int error = errno;
  if (!types)
    Throw(env, {.operation = "read BTF of", .subject = subject, .error = error, .messages = messages.text()});
  uint32_t size = 0;
  const void* data = btf__raw_data(types.get(), &size);
  if (data == nullptr) Throw(env, {.operation = "read BTF of", .subject = subject, .error = ENOMEM});
  auto bytes = Napi::Uint8Array::New(env, size);
  std::memcpy(bytes.Data(), data, size);
  return bytes;
}

// readBtf(file: string): Uint8Array, from an object file or raw BTF
Napi::Value ReadBtf(const Napi::CallbackInfo& info) {
  const auto file = TextOf(info[0], "file");
  const Messages messages;
  const BtfPtr types(btf__parse(file.c_str(), nullptr));
  return BytesOfBtf(info.Env(), types, file, messages);
}

// btfById(id: number): Uint8Array; needs CAP_SYS_ADMIN as all access by id does
Napi::Value BtfById(const Napi::CallbackInfo& info) {
  const auto id = Uint32Of(info[0], "id");
  const Messages messages;
  const BtfPtr types(btf__load_from_kernel_by_id(id));
  return BytesOfBtf(info.Env(), types, "BTF " + std::to_string(id), messages);
}

// "map", "program" or "link": bpf_obj_get() opens whatever is pinned there.
std::string KindOf(int fd) {
  std::array<char, 64> target{};
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  const auto length = readlink(path.c_str(), target.data(), target.size());
  const std::string_view name(target.data(), length < 0 ? 0 : static_cast<size_t>(length));
  if (name == "anon_inode:bpf-map") return "map";
  if (name == "anon_inode:bpf-prog") return "program";
  if (name == "anon_inode:bpf-link" || name == "anon_inode:bpf_link") return "link";  // the dash came later
  return "unknown object";
}

// openPin(kind: 'map' | 'program' | 'link', path: string): Map | Program | Link
Napi::Value OpenPin(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto& instance = Instance::Of(env);
  const auto kind = TextOf(info[0], "kind");
  const auto path = TextOf(info[1], "path");
  Fd fd(bpf_obj_get(path.c_str()));
  if (!fd) Throw(env, {.operation = "open", .subject = path, .error = errno});
  const auto found = KindOf(fd.get());
  if (found != kind) {
    Throw(env, {.operation = "open",
                .subject = path,
                .error = EINVAL,
                .cause = "it is a " + found + ", not a " + kind});
  }
  if (kind == "map") return Map::Create(instance.map, std::move(fd), path);
  if (kind == "program") return Program::Create(instance.program, std::move(fd), path);
  return Link::Create(instance.link, std::move(fd), path);
}

struct Helper {
  std::string_view name;
  bpf_func_id id;
};

#define HELPER(name) \
  Helper { "bpf_" #name, BPF_FUNC_##name }
constexpr std::array kHelpers = std::to_array<Helper>({__BPF_FUNC_MAPPER(HELPER)});
#undef HELPER

// Loads a program that only calls the helper. Most are refused for their arguments, and so are known. (The
// verifier of 6.12 and newer words it in a way that libbpf_probe_bpf_helper() of libbpf 1.1 takes for a yes.)
bool MayCall(bpf_prog_type type, bpf_func_id helper, int& error) {
  std::array<bpf_insn, 2> instructions{};
  instructions[0] = {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = helper};
  instructions[1] = {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
  std::array<char, 4096> log{};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .log_level = 1, .log_size = log.size(), .log_buf = log.data());
  const Fd fd(bpf_prog_load(type, "probe_helper", "GPL", instructions.data(), instructions.size(), &options));
  error = fd ? 0 : errno;
  const std::string_view text(log.data());
  return text.find("invalid func ") == std::string_view::npos &&
         text.find("unknown func ") == std::string_view::npos &&
         text.find("cannot use helper ") == std::string_view::npos;
}

// probeHelper(programType: number, name: string): boolean
Napi::Value ProbeHelper(const Napi::CallbackInfo& info) {
  const auto type = static_cast<bpf_prog_type>(Uint32Of(info[0], "program type"));
  const auto name = TextOf(info[1], "helper");
  for (const auto& helper : kHelpers) {
    if (helper.name != name) continue;
    int error = 0;
    const bool may = MayCall(type, helper.id, error);
    if (error == EPERM) Throw(info.Env(), {.operation = "probe", .subject = name, .error = error});
    return Napi::Boolean::New(info.Env(), may);
  }
  throw Napi::RangeError::New(info.Env(), "no helper is called " + name);
}

// possibleCpus(): number
Napi::Value PossibleCpus(const Napi::CallbackInfo& info) {
  const int count = libbpf_num_possible_cpus();
  if (count < 0) Throw(info.Env(), {.operation = "count", .subject = "possible CPUs", .error = -count});
  return Napi::Number::New(info.Env(), count);
}

// errorText(errno: number): string
Napi::Value ErrorText(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), std::strerror(static_cast<int>(Uint32Of(info[0], "errno"))));
}

// interfaceName(ifindex: number): string | undefined, in this thread's network namespace
Napi::Value InterfaceName(const Napi::CallbackInfo& info) {
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(Uint32Of(info[0], "ifindex"), name.data()) == nullptr) return info.Env().Undefined();
  return Napi::String::New(info.Env(), name.data());
}

// libbpfVersion(): string
Napi::Value LibbpfVersion(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), libbpf_version_string());
}

// Programs count their runs while one is open, by anyone.
class Statistics : public Handle<Statistics> {
 public:
  using Handle::Handle;
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Statistics", {InstanceMethod("close", &Statistics::Close)});
  }

 private:
  friend Handle<Statistics>;
};

// enableStatistics(): { close(): void }
Napi::Value EnableStatistics(const Napi::CallbackInfo& info) {
  Fd fd(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!fd) Throw(info.Env(), {.operation = "enable", .subject = "run-time statistics", .error = errno});
  return Statistics::Create(Instance::Of(info.Env()).statistics, std::move(fd), "statistics");
}

}  // namespace

void RegisterSystem(Napi::Env env, Napi::Object exports) {
  Messages::Install();
  Instance::Of(env).statistics = Napi::Persistent(Statistics::Define(env));
  exports["readBtf"] = Napi::Function::New(env, ReadBtf, "readBtf");
  exports["btfById"] = Napi::Function::New(env, BtfById, "btfById");
  exports["openPin"] = Napi::Function::New(env, OpenPin, "openPin");
  exports["probeHelper"] = Napi::Function::New(env, ProbeHelper, "probeHelper");
  exports["possibleCpus"] = Napi::Function::New(env, PossibleCpus, "possibleCpus");
  exports["errorText"] = Napi::Function::New(env, ErrorText, "errorText");
  exports["interfaceName"] = Napi::Function::New(env, InterfaceName, "interfaceName");
  exports["libbpfVersion"] = Napi::Function::New(env, LibbpfVersion, "libbpfVersion");
  exports["enableStatistics"] = Napi::Function::New(env, EnableStatistics, "enableStatistics");
}
