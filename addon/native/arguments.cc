#include "arguments.h"

#include <cmath>

namespace {

[[noreturn]] void ThrowType(const Napi::Value& value, const char* what, const char* expected) {
  throw Napi::TypeError::New(value.Env(), std::string(what) + " must be " + expected);
}

}  // namespace

Bytes BytesOf(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    ThrowType(value, what, "a Uint8Array");
  auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

Bytes BytesOf(const Napi::Value& value, size_t size, const char* what) {
  const auto bytes = BytesOf(value, what);
  if (bytes.size() != size) {
    throw Napi::RangeError::New(value.Env(), std::string(what) + " must have " + std::to_string(size) +
                                                 " bytes, not " + std::to_string(bytes.size()));
  }
  return bytes;
}

uint32_t Uint32Of(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) ThrowType(value, what, "a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= UINT32_MAX) || number != std::floor(number)) {
    throw Napi::RangeError::New(value.Env(), std::string(what) + " must be an integer of 32 bits, not " +
                                                 value.ToString().Utf8Value());
  }
  return static_cast<uint32_t>(number);
}

uint64_t Uint64Of(const Napi::Value& value, const char* what) {
  if (!value.IsBigInt()) ThrowType(value, what, "a bigint");
  bool lossless = false;
  const uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless)
    throw Napi::RangeError::New(value.Env(), std::string(what) + " must be an integer of 64 bits");
  return number;
}

bool BoolOf(const Napi::Value& value, const char* what) {
  if (!value.IsBoolean()) ThrowType(value, what, "a boolean");
  return value.As<Napi::Boolean>();
}

std::string TextOf(const Napi::Value& value, const char* what) {
  if (!value.IsString()) ThrowType(value, what, "a string");
  auto text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) ThrowType(value, what, "a string without NUL");
  return text;
}
