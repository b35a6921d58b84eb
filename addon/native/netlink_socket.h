// A netlink socket, of rtnetlink unless another protocol is named: request and answer, and what arrives by
// itself.
#ifndef LIBBPF_TS_NETLINK_SOCKET_H
#define LIBBPF_TS_NETLINK_SOCKET_H

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <napi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fd.h"

// What the kernel said to one request.
struct Answer {
  int error = 0;             // positive errno; 0 is the acknowledgement
  std::string cause;         // extended acknowledgement: the kernel's own words
  bool interrupted = false;  // the table changed during the dump (NLM_F_DUMP_INTR): ask again
  std::vector<uint8_t> messages;
};

class RouteSocket {
 public:
  // In the namespace that this thread is in.
  explicit RouteSocket(Napi::Env env, int protocol = NETLINK_ROUTE);

  int fd() const { return mnl_socket_get_fd(socket_.get()); }

  // The namespace that the socket lives in, wherever its path has gone.
  Fd Namespace(Napi::Env env) const;

  // Blocks: the kernel works on a request inside send and recv.
  Answer Ask(Napi::Env env, nlmsghdr* request);

  void Join(Napi::Env env, int group);

  // The next datagram, without waiting: bytes, nothing, or ENOBUFS where the kernel dropped some.
  struct Arrival {
    int error = 0;  // EAGAIN: nothing left
    const uint8_t* data = nullptr;
    size_t size = 0;
  };
  Arrival Receive(Napi::Env env);

 private:
  struct Closer {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  std::unique_ptr<mnl_socket, Closer> socket_;
  std::vector<uint8_t> buffer_;
  uint32_t sequence_ = 0;

  Arrival Receive(Napi::Env env, int flags);
  bool Read(const nlmsghdr* message, Answer& answer) const;
};

#endif
