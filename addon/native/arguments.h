// What JavaScript passes, checked: TypeError for the wrong type, RangeError for the wrong size.
#ifndef LIBBPF_TS_ARGUMENTS_H
#define LIBBPF_TS_ARGUMENTS_H

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>

using Bytes = std::span<uint8_t>;

// A Uint8Array of any length.
Bytes BytesOf(const Napi::Value& value, const char* what);

// A Uint8Array of exactly `size` bytes: the kernel reads and writes that many whatever we pass.
Bytes BytesOf(const Napi::Value& value, size_t size, const char* what);

uint32_t Uint32Of(const Napi::Value& value, const char* what);
uint64_t Uint64Of(const Napi::Value& value, const char* what);
bool BoolOf(const Napi::Value& value, const char* what);

// Without NUL: the kernel would see another path than the caller.
std::string TextOf(const Napi::Value& value, const char* what);

#endif
