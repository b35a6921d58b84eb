// cls_bpf filters on the clsact qdisc, by libbpf's bpf_tc_*(): what kernels before 6.6 have instead of TCX.
#include "clsact.h"

#include <bpf/libbpf.h>

#include <cerrno>

#include "arguments.h"
#include "error.h"
#include "instance.h"
#include "messages.h"
#include "program.h"

namespace {

bpf_tc_hook HookOf(const Napi::CallbackInfo& info) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(Uint32Of(info[0], "ifindex")),
              .attach_point = BoolOf(info[1], "egress") ? BPF_TC_EGRESS : BPF_TC_INGRESS);
  return hook;
}

bpf_tc_opts FilterOf(const Napi::CallbackInfo& info) {
  LIBBPF_OPTS(bpf_tc_opts, filter, .handle = Uint32Of(info[3], "handle"),
              .priority = Uint32Of(info[2], "priority"));
  return filter;
}

std::string SubjectOf(const bpf_tc_hook& hook) {
  return "clsact of interface " + std::to_string(hook.ifindex);
}

// No such filter, no chain that could have it, or no qdisc that could have the chain. The last two are
// EINVAL, and nothing else is of a request as libbpf builds it; libbpf itself refuses with it what it is
// given, but without a message. Which of them the kernel means cannot be read: libbpf before 1.2 looks for
// the kernel's words 16 bytes further than its answer goes, so they may be anything that was in memory.
bool IsAbsent(int error, const Messages& messages) {
  return error == ENOENT || (error == EINVAL && !messages.text().empty());
}

// createClsact(ifindex: number): boolean, false when there was one already
Napi::Value CreateClsact(const Napi::CallbackInfo& info) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(Uint32Of(info[0], "ifindex")),
              .attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
  const Messages messages;
  const int error = -bpf_tc_hook_create(&hook);
  if (error != 0 && error != EEXIST) {
    Throw(info.Env(),
          {.operation = "create", .subject = SubjectOf(hook), .error = error, .messages = messages.text()});
  }
  return Napi::Boolean::New(info.Env(), error == 0);
}

// attachClsact(ifindex: number, egress: boolean, priority: number, handle: number, program: Program, replace:
// boolean,
//              subject: string): { priority, handle, programId: number }
Napi::Value AttachClsact(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto hook = HookOf(info);
  auto filter = FilterOf(info);
  filter.prog_fd = Program::Of(info[4], Instance::Of(env).program, "program").fd(env);
  filter.flags = BoolOf(info[5], "replace") ? BPF_TC_F_REPLACE : 0;
  const auto subject = TextOf(info[6], "subject");
  const Messages messages;
  const int error = -bpf_tc_attach(&hook, &filter);
  if (error != 0)
    Throw(env, {.operation = "attach", .subject = subject, .error = error, .messages = messages.text()});
  auto result = Napi::Object::New(env);
  result["priority"] = filter.priority;
  result["handle"] = filter.handle;
  result["programId"] = filter.prog_id;
  return result;
}

// queryClsact(ifindex: number, egress: boolean, priority: number, handle: number): number | undefined
Napi::Value QueryClsact(const Napi::CallbackInfo& info) {
  const auto hook = HookOf(info);
  auto filter = FilterOf(info);
  const Messages messages;
  const int error = -bpf_tc_query(&hook, &filter);
  if (error == 0) return Napi::Number::New(info.Env(), filter.prog_id);
  if (!IsAbsent(error, messages)) {
    Throw(info.Env(),
          {.operation = "query", .subject = SubjectOf(hook), .error = error, .messages = messages.text()});
  }
  return info.Env().Undefined();
}

// detachClsact(ifindex: number, egress: boolean, priority: number, handle: number): boolean
Napi::Value DetachClsact(const Napi::CallbackInfo& info) {
  const auto hook = HookOf(info);
  const auto filter = FilterOf(info);
  const Messages messages;
  const int error = -bpf_tc_detach(&hook, &filter);
  if (error != 0 && !IsAbsent(error, messages)) {
    Throw(info.Env(),
          {.operation = "detach", .subject = SubjectOf(hook), .error = error, .messages = messages.text()});
  }
  return Napi::Boolean::New(info.Env(), error == 0);
}

}  // namespace

void RegisterClsact(Napi::Env env, Napi::Object exports) {
  exports["createClsact"] = Napi::Function::New(env, CreateClsact, "createClsact");
  exports["attachClsact"] = Napi::Function::New(env, AttachClsact, "attachClsact");
  exports["queryClsact"] = Napi::Function::New(env, QueryClsact, "queryClsact");
  exports["detachClsact"] = Napi::Function::New(env, DetachClsact, "detachClsact");
}
