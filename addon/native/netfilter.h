// What netfilter holds in a network namespace.
#ifndef LIBBPF_TS_NETFILTER_H
#define LIBBPF_TS_NETFILTER_H

#include <napi.h>

void RegisterNetfilter(Napi::Env env, Napi::Object exports);

#endif
