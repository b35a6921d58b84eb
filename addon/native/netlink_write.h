// Requests from checked fields: what TypeScript let through is measured once more here.
#ifndef LIBBPF_TS_NETLINK_WRITE_H
#define LIBBPF_TS_NETLINK_WRITE_H

#include <linux/netlink.h>
#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

class Request {
 public:
  Request(uint16_t type, uint16_t flags);
  nlmsghdr* header();

  void Link(const Napi::Object& fields);
  void OneLink(uint32_t index);
  void Veth(Napi::Env env, const std::string& name, const std::string& peer);
  void Vxlan(Napi::Env env, const std::string& name, uint16_t port, bool vni_filter);
  void Vtep(const Napi::Object& fields);
  void Ipip(Napi::Env env, const std::string& name);
  void Address(const Napi::Object& fields);
  void Route(const Napi::Object& fields);
  void Neighbour(const Napi::Object& fields);
  void Rule(const Napi::Object& fields);
  // An entry of a vxlan device's forwarding database: to which host frames for a MAC go.
  void Forwarding(const Napi::Object& fields);

  // Dumps.
  void AllLinks();
  void AllAddresses(uint8_t family);
  void AllRoutes(uint8_t family, uint32_t table, uint8_t protocol);
  void AllNeighbours(uint8_t family, uint8_t flags);
  void AllRules(uint8_t family);

 private:
  std::vector<uint8_t> buffer_;

  template <class Head>
  Head* Start();
  void Put(Napi::Env env, uint16_t type, const void* data, size_t size);
  void PutAddress(const Napi::Object& fields, const char* name, int family, uint16_t type);
  void PutPrefix(const Napi::Object& fields, const char* name, uint8_t length, uint16_t type);
  nlattr* Nest(Napi::Env env, uint16_t type);
  void PutName(Napi::Env env, const std::string& name);
  void PutMac(const Napi::Object& fields, uint16_t type);
  void PutU32(const Napi::Object& fields, const char* name, uint16_t type);
  void PutGateway(const Napi::Object& fields, int family);
  void PutNextHops(const Napi::Object& fields, int family);
};

#endif
