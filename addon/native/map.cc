#include "map.h"

#include <bpf/libbpf.h>

#include <cerrno>

namespace {

bool IsPerCpu(uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

// A batch can stop half-way; what to do then is TypeScript's to decide.
Napi::Value Progress(Napi::Env env, int result, uint32_t count) {
  auto progress = Napi::Object::New(env);
  progress["count"] = count;
  progress["errno"] = result == 0 ? 0 : errno;
  return progress;
}

// createMap(type: number, name: string, keySize, valueSize, maxEntries, flags: number): Map
Napi::Value CreateMap(const Napi::CallbackInfo& info) {
  const auto name = TextOf(info[1], "name");
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = Uint32Of(info[5], "flags"));
  Fd fd(bpf_map_create(static_cast<bpf_map_type>(Uint32Of(info[0], "type")), name.c_str(),
                       Uint32Of(info[2], "key size"), Uint32Of(info[3], "value size"),
                       Uint32Of(info[4], "max entries"), &options));
  if (!fd) Throw(info.Env(), {.operation = "create map", .subject = name, .error = errno});
  return Map::Create(Instance::Of(info.Env()).map, std::move(fd), name);
}

}  // namespace

void Map::Opened(Napi::Env env) {
  const auto read = Read(env);
  key_size_ = read.key_size;
  value_bytes_ = read.value_size;
  if (IsPerCpu(read.type))
    value_bytes_ = (read.value_size + 7) / 8 * 8 * static_cast<size_t>(libbpf_num_possible_cpus());
}

bpf_map_info Map::Read(Napi::Env env) {
  bpf_map_info read{};
  uint32_t length = sizeof read;
  if (bpf_obj_get_info_by_fd(fd(env), &read, &length) != 0)
    Throw(env, {.operation = "describe", .subject = name_, .error = errno});
  return read;
}

// Queues and stacks have no keys: they want NULL.
const void* Map::KeyOf(const Napi::Value& value) {
  const auto key = BytesOf(value, key_size_, "key");
  return key.empty() ? nullptr : key.data();
}

Bytes Map::Several(const Napi::Value& value, size_t size, uint32_t count, const char* what) {
  const auto bytes = BytesOf(value, what);
  if (bytes.size() < size * count) {
    throw Napi::RangeError::New(value.Env(), std::string(what) + " must have " +
                                                 std::to_string(size * count) + " bytes or more, not " +
                                                 std::to_string(bytes.size()));
  }
  return bytes;
}

// info(): { id, type, keySize, valueSize, maxEntries, flags, name, btfId, keyTypeId, valueTypeId }
Napi::Value Map::Info(const Napi::CallbackInfo& info) {
  const auto read = Read(info.Env());
  auto result = Napi::Object::New(info.Env());
  result["id"] = read.id;
  result["type"] = read.type;
  result["keySize"] = read.key_size;
  result["valueSize"] = read.value_size;
  result["maxEntries"] = read.max_entries;
  result["flags"] = read.map_flags;
  result["name"] = std::string(read.name);
  result["btfId"] = read.btf_id;
  result["keyTypeId"] = read.btf_key_type_id;
  result["valueTypeId"] = read.btf_value_type_id;
  return result;
}

// lookup(key: Uint8Array, into: Uint8Array): boolean
Napi::Value Map::Lookup(const Napi::CallbackInfo& info) {
  const int map = fd(info.Env());
  const auto into = BytesOf(info[1], value_bytes_, "value");
  if (bpf_map_lookup_elem(map, KeyOf(info[0]), into.data()) == 0) return Napi::Boolean::New(info.Env(), true);
  if (errno != ENOENT) Throw(info.Env(), {.operation = "look up in", .subject = name_, .error = errno});
  return Napi::Boolean::New(info.Env(), false);
}

// take(key: Uint8Array, into: Uint8Array): boolean
Napi::Value Map::Take(const Napi::CallbackInfo& info) {
  const int map = fd(info.Env());
  const auto into = BytesOf(info[1], value_bytes_, "value");
  if (bpf_map_lookup_and_delete_elem(map, KeyOf(info[0]), into.data()) == 0)
    return Napi::Boolean::New(info.Env(), true);
  if (errno != ENOENT) Throw(info.Env(), {.operation = "take from", .subject = name_, .error = errno});
  return Napi::Boolean::New(info.Env(), false);
}

// update(key: Uint8Array, value: Uint8Array, flags: number): void
void Map::Update(const Napi::CallbackInfo& info) {
  const int map = fd(info.Env());
  const auto value = BytesOf(info[1], value_bytes_, "value");
  if (bpf_map_update_elem(map, KeyOf(info[0]), value.data(), Uint32Of(info[2], "flags")) != 0)
    Throw(info.Env(), {.operation = "write to", .subject = name_, .error = errno});
}

// delete(key: Uint8Array): boolean
Napi::Value Map::Delete(const Napi::CallbackInfo& info) {
  if (bpf_map_delete_elem(fd(info.Env()), KeyOf(info[0])) == 0) return Napi::Boolean::New(info.Env(), true);
  if (errno != ENOENT) Throw(info.Env(), {.operation = "delete from", .subject = name_, .error = errno});
  return Napi::Boolean::New(info.Env(), false);
}

// nextKey(after: Uint8Array | undefined, into: Uint8Array): boolean
Napi::Value Map::NextKey(const Napi::CallbackInfo& info) {
  const int map = fd(info.Env());
  const void* after = info[0].IsUndefined() ? nullptr : KeyOf(info[0]);
  const auto into = BytesOf(info[1], key_size_, "next key");
  if (bpf_map_get_next_key(map, after, into.data()) == 0) return Napi::Boolean::New(info.Env(), true);
  if (errno != ENOENT) Throw(info.Env(), {.operation = "list", .subject = name_, .error = errno});
  return Napi::Boolean::New(info.Env(), false);
}

// lookupBatch(cursor: Uint8Array, first: boolean, keys: Uint8Array, values: Uint8Array, count: number):
// Progress The cursor is a bucket number for hashes and a key for the others.
Napi::Value Map::LookupBatch(const Napi::CallbackInfo& info) {
  const int map = fd(info.Env());
  auto count = Uint32Of(info[4], "count");
  const auto cursor = BytesOf(info[0], std::max<size_t>(key_size_, sizeof(uint32_t)), "cursor");
  void* from = BoolOf(info[1], "first") ? nullptr : cursor.data();
  const auto keys = Several(info[2], key_size_, count, "keys");
  const auto values = Several(info[3], value_bytes_, count, "values");
  const int result =
      bpf_map_lookup_batch(map, from, cursor.data(), keys.data(), values.data(), &count, nullptr);
  return Progress(info.Env(), result, count);
}

// updateBatch(keys: Uint8Array, values: Uint8Array, count: number): Progress
Napi::Value Map::UpdateBatch(const Napi::CallbackInfo& info) {
  const int map = fd(info.Env());
  auto count = Uint32Of(info[2], "count");
  const auto keys = Several(info[0], key_size_, count, "keys");
  const auto values = Several(info[1], value_bytes_, count, "values");
  const int result = bpf_map_update_batch(map, keys.data(), values.data(), &count, nullptr);
  return Progress(info.Env(), result, count);
}

// deleteBatch(keys: Uint8Array, count: number): Progress
Napi::Value Map::DeleteBatch(const Napi::CallbackInfo& info) {
  const int map = fd(info.Env());
  auto count = Uint32Of(info[1], "count");
  const auto keys = Several(info[0], key_size_, count, "keys");
  const int result = bpf_map_delete_batch(map, keys.data(), &count, nullptr);
  return Progress(info.Env(), result, count);
}

// freeze(): void, no more writes from user space
void Map::Freeze(const Napi::CallbackInfo& info) {
  if (bpf_map_freeze(fd(info.Env())) != 0)
    Throw(info.Env(), {.operation = "freeze", .subject = name_, .error = errno});
}

void Map::Register(Napi::Env env, Napi::Object exports) {
  const auto constructor = DefineClass(env, "Map",
                                       {
                                           InstanceMethod<&Map::Info>("info"),
                                           InstanceMethod<&Map::Lookup>("lookup"),
                                           InstanceMethod<&Map::Take>("take"),
                                           InstanceMethod<&Map::Update>("update"),
                                           InstanceMethod<&Map::Delete>("delete"),
                                           InstanceMethod<&Map::NextKey>("nextKey"),
                                           InstanceMethod<&Map::LookupBatch>("lookupBatch"),
                                           InstanceMethod<&Map::UpdateBatch>("updateBatch"),
                                           InstanceMethod<&Map::DeleteBatch>("deleteBatch"),
                                           InstanceMethod<&Map::Freeze>("freeze"),
                                           InstanceMethod("pin", &Map::Pin),
                                           InstanceMethod("close", &Map::Close),
                                       });
  Instance::Of(env).map = Napi::Persistent(constructor);
  exports["createMap"] = Napi::Function::New(env, CreateMap, "createMap");
}
