#ifndef LIBBPF_TS_CLSACT_H
#define LIBBPF_TS_CLSACT_H

#include <napi.h>

void RegisterClsact(Napi::Env env, Napi::Object exports);

#endif
