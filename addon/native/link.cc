// TCX and XDP links by our own bpf(2) calls: libbpf 1.1 knows neither TCX nor the order of programs on a
// hook.
#include "link.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "program.h"

namespace {

// linux/bpf.h since 6.6; the members of union bpf_attr are kernel ABI.
struct LinkCreateAttributes {
  uint32_t program;
  uint32_t ifindex;
  uint32_t attach_type;
  uint32_t flags;
  uint32_t relative;
  uint32_t unused;
  uint64_t revision;
};

struct QueryAttributes {
  uint32_t ifindex;
  uint32_t attach_type;
  uint32_t query_flags;
  uint32_t attach_flags;
  uint64_t program_ids;
  uint32_t count;
  uint32_t unused;
  uint64_t program_flags;
  uint64_t link_ids;
  uint64_t link_flags;
  uint64_t revision;
};

// struct bpf_link_info of TCX; XDP has the interface at the same place and nothing behind it.
struct LinkInfo {
  uint32_t type;
  uint32_t id;
  uint32_t program_id;
  uint32_t unused;
  uint32_t ifindex;
  uint32_t attach_type;
  std::array<uint8_t, 104> others;
};

constexpr uint32_t kMostPrograms = 64;  // BPF_MPROG_MAX

template <class T>
int Bpf(bpf_cmd command, T& attributes) {
  return static_cast<int>(syscall(__NR_bpf, command, &attributes, sizeof attributes));
}

// createLink(program: Program, ifindex: number, attachType: number, flags: number,
//            relative: Program | undefined, revision: bigint, subject: string): Link
Napi::Value CreateLink(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto& instance = Instance::Of(env);
  const auto& program = Program::Of(info[0], instance.program, "program");
  LinkCreateAttributes attributes{};
  attributes.program = static_cast<uint32_t>(program.fd(env));
  attributes.ifindex = Uint32Of(info[1], "ifindex");
  attributes.attach_type = Uint32Of(info[2], "attach type");
  attributes.flags = Uint32Of(info[3], "flags");
  if (!info[4].IsUndefined())
    attributes.relative = static_cast<uint32_t>(Program::Of(info[4], instance.program, "program").fd(env));
  attributes.revision = Uint64Of(info[5], "revision");
  const auto subject = TextOf(info[6], "subject");
  Fd fd(Bpf(BPF_LINK_CREATE, attributes));
  if (!fd) Throw(env, {.operation = "attach", .subject = subject, .error = errno});
  return Link::Create(instance.link, std::move(fd), "the link of " + subject);
}

// queryPrograms(ifindex: number, attachType: number): { revision: bigint, programIds, linkIds: number[] }
Napi::Value QueryPrograms(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  std::array<uint32_t, kMostPrograms> programs{};
  std::array<uint32_t, kMostPrograms> links{};
  QueryAttributes attributes{};
  attributes.ifindex = Uint32Of(info[0], "ifindex");
  attributes.attach_type = Uint32Of(info[1], "attach type");
  attributes.program_ids = reinterpret_cast<uintptr_t>(programs.data());
  attributes.link_ids = reinterpret_cast<uintptr_t>(links.data());
  attributes.count = kMostPrograms;
  if (Bpf(BPF_PROG_QUERY, attributes) != 0 && errno != ENOENT) {
    Throw(env, {.operation = "list programs of",
                .subject = "interface " + std::to_string(attributes.ifindex),
                .error = errno});
  }
  auto program_ids = Napi::Array::New(env);
  auto link_ids = Napi::Array::New(env);
  for (uint32_t i = 0; i < attributes.count && i < kMostPrograms && programs[i] != 0; i++) {
    program_ids[i] = programs[i];
    link_ids[i] = links[i];
  }
  auto result = Napi::Object::New(env);
  result["revision"] = Napi::BigInt::New(env, attributes.revision);
  result["programIds"] = program_ids;
  result["linkIds"] = link_ids;
  return result;
}

}  // namespace

// info(): { type, id, programId, ifindex, attachType: number }
Napi::Value Link::Info(const Napi::CallbackInfo& info) {
  LinkInfo read{};
  uint32_t length = sizeof read;
  if (bpf_obj_get_info_by_fd(fd(info.Env()), &read, &length) != 0)
    Throw(info.Env(), {.operation = "describe", .subject = name_, .error = errno});
  auto object = Napi::Object::New(info.Env());
  object["type"] = read.type;
  object["id"] = read.id;
  object["programId"] = read.program_id;
  object["ifindex"] = read.ifindex;
  object["attachType"] = read.attach_type;
  return object;
}

// update(program: Program): void, atomic: each packet meets the old program or the new one
void Link::Update(const Napi::CallbackInfo& info) {
  const auto& program = Program::Of(info[0], Instance::Of(info.Env()).program, "program");
  if (bpf_link_update(fd(info.Env()), program.fd(info.Env()), nullptr) != 0)
    Throw(info.Env(), {.operation = "update", .subject = name_, .error = errno});
}

// detach(): void
void Link::Detach(const Napi::CallbackInfo& info) {
  if (bpf_link_detach(fd(info.Env())) != 0)
    Throw(info.Env(), {.operation = "detach", .subject = name_, .error = errno});
}

void Link::Register(Napi::Env env, Napi::Object exports) {
  const auto constructor = DefineClass(env, "Link",
                                       {
                                           InstanceMethod<&Link::Info>("info"),
                                           InstanceMethod<&Link::Update>("update"),
                                           InstanceMethod<&Link::Detach>("detach"),
                                           InstanceMethod("pin", &Link::Pin),
                                           InstanceMethod("close", &Link::Close),
                                       });
  Instance::Of(env).link = Napi::Persistent(constructor);
  exports["createLink"] = Napi::Function::New(env, CreateLink, "createLink");
  exports["queryPrograms"] = Napi::Function::New(env, QueryPrograms, "queryPrograms");
}
