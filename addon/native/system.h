#ifndef LIBBPF_TS_SYSTEM_H
#define LIBBPF_TS_SYSTEM_H

#include <napi.h>

void RegisterSystem(Napi::Env env, Napi::Object exports);

#endif
