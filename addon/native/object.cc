#include "object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "arguments.h"
#include "error.h"
#include "map.h"
#include "messages.h"
#include "program.h"

#if LIBBPF_MAJOR_VERSION < 1 || (LIBBPF_MAJOR_VERSION == 1 && LIBBPF_MINOR_VERSION < 1)
#error "libbpf 1.1 or newer is needed; see README, Install"
#endif

namespace {

// ".rodata" for libbpf's "name.rodata": sections of data have the same name in every object.
std::string NameOf(const bpf_map* map) {
  const std::string name = bpf_map__name(map);
  const auto dot = name.find('.');
  return bpf_map__is_internal(map) && dot != std::string::npos ? name.substr(dot) : name;
}

// Handles outlive the bpf_object: each has a descriptor of its own.
Fd Duplicate(Napi::Env env, int fd, const std::string& name) {
  Fd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) Throw(env, {.operation = "keep", .subject = name, .error = errno});
  return copy;
}

// What a million instructions, the verifier's limit, come to about; where nobody writes it is no memory.
constexpr size_t kLogBytes = 256 << 20;

// What the verifier says of a program. libbpf has buffers of its own, but shows them of failures only.
struct VerifierLog {
  std::string program;
  std::unique_ptr<char[]> text;
};

// Empty for level 0.
std::vector<VerifierLog> LogsFor(Napi::Env env, bpf_object* object, uint32_t level) {
  std::vector<VerifierLog> logs;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    bpf_program__set_log_level(program, level);
    if (level == 0 || !bpf_program__autoload(program)) continue;
    VerifierLog log{bpf_program__name(program), std::unique_ptr<char[]>(new (std::nothrow) char[kLogBytes])};
    if (!log.text)
      Throw(env, {.operation = "make room for the log of", .subject = log.program, .error = ENOMEM});
    log.text[0] = '\0';
    const int error = bpf_program__set_log_buf(program, log.text.get(), kLogBytes);
    if (error != 0) Throw(env, {.operation = "set the log of", .subject = log.program, .error = -error});
    logs.push_back(std::move(log));
  }
  return logs;
}

// libbpf's messages with the last log, as libbpf prints it from a buffer of its own: loading ends there.
std::string WithLog(std::string messages, const std::vector<VerifierLog>& logs) {
  const auto last =
      std::find_if(logs.rbegin(), logs.rend(), [](const auto& log) { return log.text[0] != '\0'; });
  if (last == logs.rend()) return messages;
  return messages + "libbpf: prog '" + last->program + "': -- BEGIN PROG LOAD LOG --\n" + last->text.get() +
         "-- END PROG LOAD LOG --\n";
}

}  // namespace

// new OpenObject(source: string | Uint8Array, name: string | undefined)
OpenObject::OpenObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto given = info[1].IsUndefined() ? std::string() : TextOf(info[1], "name");
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = given.empty() ? nullptr : given.c_str());
  const Messages messages;
  if (info[0].IsString()) {
    name_ = TextOf(info[0], "file");
    object_.reset(bpf_object__open_file(name_.c_str(), &options));
  } else {
    const auto bytes = BytesOf(info[0], "object");
    name_ = given.empty() ? "object of " + std::to_string(bytes.size()) + " bytes" : given;
    object_.reset(bpf_object__open_mem(bytes.data(), bytes.size(), &options));
  }
  if (!object_) {
    const int error = errno;
    Throw(info.Env(), {.operation = "open", .subject = name_, .error = error, .messages = messages.text()});
  }
  name_ = bpf_object__name(object_.get());
}

bpf_object* OpenObject::Open(Napi::Env env) const {
  if (!object_) ThrowClosed(env, name_);
  return object_.get();
}

bpf_program* OpenObject::ProgramOf(const Napi::Value& value) const {
  const auto name = TextOf(value, "program");
  bpf_program* program = bpf_object__find_program_by_name(Open(value.Env()), name.c_str());
  if (program == nullptr) throw Napi::RangeError::New(value.Env(), name_ + " has no program " + name);
  return program;
}

bpf_map* OpenObject::MapOf(const Napi::Value& value) const {
  const auto name = TextOf(value, "map");
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, Open(value.Env())) {
    if (NameOf(map) == name) return map;
  }
  throw Napi::RangeError::New(value.Env(), name_ + " has no map " + name);
}

// name(): string
Napi::Value OpenObject::Name(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), name_); }

// btf(): Uint8Array | undefined
Napi::Value OpenObject::Btf(const Napi::CallbackInfo& info) {
  const btf* types = bpf_object__btf(Open(info.Env()));
  uint32_t size = 0;
  const void* data = types == nullptr ? nullptr : btf__raw_data(types, &size);
  if (data == nullptr) return info.Env().Undefined();
  auto bytes = Napi::Uint8Array::New(info.Env(), size);
  std::memcpy(bytes.Data(), data, size);
  return bytes;
}

// programs(): { name, section: string, type: number, autoload: boolean }[]
Napi::Value OpenObject::Programs(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, Open(info.Env())) {
    auto item = Napi::Object::New(info.Env());
    item["name"] = std::string(bpf_program__name(program));
    item["section"] = std::string(bpf_program__section_name(program));
    item["type"] = static_cast<uint32_t>(bpf_program__type(program));
    item["autoload"] = bpf_program__autoload(program);
    list[list.Length()] = item;
  }
  return list;
}

// maps(): { name: string, type, keySize, valueSize, maxEntries, flags, keyTypeId, valueTypeId: number,
// pinPath?: string }[]
Napi::Value OpenObject::Maps(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, Open(info.Env())) {
    auto item = Napi::Object::New(info.Env());
    item["name"] = NameOf(map);
    item["type"] = static_cast<uint32_t>(bpf_map__type(map));
    item["keySize"] = bpf_map__key_size(map);
    item["valueSize"] = bpf_map__value_size(map);
    item["maxEntries"] = bpf_map__max_entries(map);
    item["flags"] = bpf_map__map_flags(map);
    item["keyTypeId"] = bpf_map__btf_key_type_id(map);
    item["valueTypeId"] = bpf_map__btf_value_type_id(map);
    if (bpf_map__pin_path(map) != nullptr) item["pinPath"] = std::string(bpf_map__pin_path(map));
    list[list.Length()] = item;
  }
  return list;
}

// setProgramType(program: string, type: number): void
void OpenObject::SetProgramType(const Napi::CallbackInfo& info) {
  bpf_program* program = ProgramOf(info[0]);
  const int error = bpf_program__set_type(program, static_cast<bpf_prog_type>(Uint32Of(info[1], "type")));
  if (error != 0)
    Throw(info.Env(),
          {.operation = "set the type of", .subject = bpf_program__name(program), .error = -error});
}

// setAutoload(program: string, autoload: boolean): void
void OpenObject::SetAutoload(const Napi::CallbackInfo& info) {
  bpf_program* program = ProgramOf(info[0]);
  const int error = bpf_program__set_autoload(program, BoolOf(info[1], "autoload"));
  if (error != 0)
    Throw(info.Env(),
          {.operation = "set autoload of", .subject = bpf_program__name(program), .error = -error});
}

// setMaxEntries(map: string, entries: number): void
void OpenObject::SetMaxEntries(const Napi::CallbackInfo& info) {
  bpf_map* map = MapOf(info[0]);
  const int error = bpf_map__set_max_entries(map, Uint32Of(info[1], "max entries"));
  if (error != 0) Throw(info.Env(), {.operation = "resize", .subject = NameOf(map), .error = -error});
}

// setPinPath(map: string, path: string | undefined): void
void OpenObject::SetPinPath(const Napi::CallbackInfo& info) {
  bpf_map* map = MapOf(info[0]);
  const auto path = info[1].IsUndefined() ? std::string() : TextOf(info[1], "pin path");
  const int error = bpf_map__set_pin_path(map, path.empty() ? nullptr : path.c_str());
  if (error != 0) Throw(info.Env(), {.operation = "set the pin of", .subject = NameOf(map), .error = -error});
}

// setData(map: string, offset: number, bytes: Uint8Array): void, before load: .rodata is frozen by it
void OpenObject::SetData(const Napi::CallbackInfo& info) {
  bpf_map* map = MapOf(info[0]);
  const size_t offset = Uint32Of(info[1], "offset");
  const auto bytes = BytesOf(info[2], "data");
  size_t size = 0;
  // Declared const in some versions of libbpf; it is the memory that load() copies from.
  auto* data = static_cast<uint8_t*>(const_cast<void*>(bpf_map__initial_value(map, &size)));
  if (data == nullptr || offset > size || bytes.size() > size - offset)
    throw Napi::RangeError::New(info.Env(), "data lies outside " + NameOf(map));
  std::copy(bytes.begin(), bytes.end(), data + offset);
}

// reuse(map: string, other: Map): void
void OpenObject::Reuse(const Napi::CallbackInfo& info) {
  bpf_map* map = MapOf(info[0]);
  const Map& other = Map::Of(info[1], Instance::Of(info.Env()).map, "map");
  const int error = bpf_map__reuse_fd(map, other.fd(info.Env()));
  if (error != 0) Throw(info.Env(), {.operation = "reuse", .subject = other.name(), .error = -error});
}

// load(logLevel: number): { programs: [string, Program][], maps: [string, Map][], logs: [string, string][] };
// the object is closed by it
Napi::Value OpenObject::Load(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto log_level = Uint32Of(info[0], "log level");
  Open(env);
  const ObjectPtr object = std::move(object_);
  const Messages messages;
  const auto texts = LogsFor(env, object.get(), log_level);
  const int error = -bpf_object__load(object.get());
  if (error != 0)
    Throw(
        env,
        {.operation = "load", .subject = name_, .error = error, .messages = WithLog(messages.text(), texts)});

  const auto& instance = Instance::Of(env);
  auto programs = Napi::Array::New(env);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object.get()) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;  // autoload is off
    const std::string name = bpf_program__name(program);
    auto entry = Napi::Array::New(env, 2);
    entry[0u] = name;
    entry[1u] = Program::Create(instance.program, Duplicate(env, fd, name), name);
    programs[programs.Length()] = entry;
  }
  auto maps = Napi::Array::New(env);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object.get()) {
    const int fd = bpf_map__fd(map);
    if (fd < 0) continue;
    const auto name = NameOf(map);
    auto entry = Napi::Array::New(env, 2);
    entry[0u] = name;
    entry[1u] = Map::Create(instance.map, Duplicate(env, fd, name), name);
    maps[maps.Length()] = entry;
  }
  auto logs = Napi::Array::New(env);
  for (const auto& [name, text] : texts) {
    auto entry = Napi::Array::New(env, 2);
    entry[0u] = name;
    entry[1u] = std::string(text.get());
    logs[logs.Length()] = entry;
  }
  auto result = Napi::Object::New(env);
  result["programs"] = programs;
  result["maps"] = maps;
  result["logs"] = logs;
  return result;
}

// close(): void, twice is fine
void OpenObject::Close(const Napi::CallbackInfo&) { object_.reset(); }

void OpenObject::Register(Napi::Env env, Napi::Object exports) {
  exports["OpenObject"] = DefineClass(env, "OpenObject",
                                      {
                                          InstanceMethod<&OpenObject::Name>("name"),
                                          InstanceMethod<&OpenObject::Btf>("btf"),
                                          InstanceMethod<&OpenObject::Programs>("programs"),
                                          InstanceMethod<&OpenObject::Maps>("maps"),
                                          InstanceMethod<&OpenObject::SetProgramType>("setProgramType"),
                                          InstanceMethod<&OpenObject::SetAutoload>("setAutoload"),
                                          InstanceMethod<&OpenObject::SetMaxEntries>("setMaxEntries"),
                                          InstanceMethod<&OpenObject::SetPinPath>("setPinPath"),
                                          InstanceMethod<&OpenObject::SetData>("setData"),
                                          InstanceMethod<&OpenObject::Reuse>("reuse"),
                                          InstanceMethod<&OpenObject::Load>("load"),
                                          InstanceMethod<&OpenObject::Close>("close"),
                                      });
}
