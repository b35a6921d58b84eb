// Netlink attributes by type, walked with libmnl.
#ifndef LIBBPF_TS_NETLINK_ATTRIBUTES_H
#define LIBBPF_TS_NETLINK_ATTRIBUTES_H

#include <libmnl/libmnl.h>

#include <cstddef>
#include <cstdint>
#include <vector>

// Up to `most`; the last one of a type counts.
class Attributes {
 public:
  // Those behind the first `offset` bytes of a message's payload.
  Attributes(const nlmsghdr* message, size_t offset, size_t most) : found_(most + 1) {
    const size_t size = mnl_nlmsg_get_payload_len(message);
    if (MNL_ALIGN(offset) < size)
      Walk(static_cast<const uint8_t*>(mnl_nlmsg_get_payload(message)) + MNL_ALIGN(offset),
           size - MNL_ALIGN(offset));
  }
  // Those in a nest, which may be missing.
  Attributes(const nlattr* nest, size_t most) : found_(most + 1) {
    if (nest != nullptr) Walk(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest));
  }
  Attributes(const void* bytes, size_t size, size_t most) : found_(most + 1) { Walk(bytes, size); }

  // Null where there is none.
  const nlattr* operator[](size_t type) const { return found_[type]; }

 private:
  std::vector<const nlattr*> found_;

  void Walk(const void* bytes, size_t size) {
    const auto* attribute = static_cast<const nlattr*>(bytes);
    int left = static_cast<int>(size);
    while (mnl_attr_ok(attribute, left)) {
      const size_t type = mnl_attr_get_type(attribute);
      if (type < found_.size()) found_[type] = attribute;
      left -= static_cast<int>(MNL_ALIGN(attribute->nla_len));
      attribute = mnl_attr_next(attribute);
    }
  }
};

#endif
