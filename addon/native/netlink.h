// rtnetlink: one socket for questions and changes, one for each watch.
#ifndef LIBBPF_TS_NETLINK_H
#define LIBBPF_TS_NETLINK_H

#include <napi.h>

void RegisterNetlink(Napi::Env env, Napi::Object exports);

#endif
