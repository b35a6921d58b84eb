// What the addon remembers for one environment. Worker threads load the addon too: never static.
#ifndef LIBBPF_TS_INSTANCE_H
#define LIBBPF_TS_INSTANCE_H

#include <napi.h>

struct Instance {
  Napi::FunctionReference bpf_error;
  Napi::FunctionReference netlink_error;
  Napi::FunctionReference program;  // constructors of handles that native code makes
  Napi::FunctionReference map;
  Napi::FunctionReference link;
  Napi::FunctionReference statistics;

  static Instance& Of(Napi::Env env) { return *env.GetInstanceData<Instance>(); }
};

#endif
