// rtnetlink messages as plain objects: numbers stay the kernel's, names are given in TypeScript.
#ifndef LIBBPF_TS_NETLINK_READ_H
#define LIBBPF_TS_NETLINK_READ_H

#include <linux/netlink.h>
#include <napi.h>

#include <optional>

// Nothing for what is no link, address, route, neighbour or rule of IPv4 or IPv6 (bridge ports, FDB entries,
// multicast routes, cached exceptions).
std::optional<Napi::Object> ReadMessage(Napi::Env env, const nlmsghdr* message);

#endif
