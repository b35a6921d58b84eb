#include "netlink_socket.h"

#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "error.h"
#include "netlink_attributes.h"

namespace {

// The kernel fills dumps with at most 32 KiB at a time (netlink_recvmsg).
constexpr size_t kBufferBytes = 128 * 1024;
// Room for what arrives while JavaScript is busy: some ten thousand routes.
constexpr int kReceiveBufferBytes = 8 * 1024 * 1024;
// The kernel answers inside send and recv; this only keeps a bug from holding the process for ever.
constexpr timeval kPatience = {.tv_sec = 30, .tv_usec = 0};

[[noreturn]] void Refuse(Napi::Env env, const char* operation, int error, std::string cause = "") {
  Throw(env, {.source = Source::kNetlink,
              .operation = operation,
              .subject = "the netlink socket",
              .error = error,
              .cause = std::move(cause)});
}

// NLMSGERR_ATTR_MSG, behind `offset` bytes of the payload.
std::string ExtendedAck(const nlmsghdr* message, size_t offset) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const auto* text = Attributes(message, offset, NLMSGERR_ATTR_MSG)[NLMSGERR_ATTR_MSG];
  if (text == nullptr || mnl_attr_validate(text, MNL_TYPE_NUL_STRING) < 0) return "";
  return mnl_attr_get_str(text);
}

}  // namespace

RouteSocket::RouteSocket(Napi::Env env, int protocol)
    : socket_(mnl_socket_open2(protocol, SOCK_CLOEXEC)), buffer_(kBufferBytes) {
  if (!socket_) Refuse(env, "open", errno);
  if (mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) Refuse(env, "bind", errno);
  int on = 1;
  // Since 4.12 and 4.20: without them errors have no text, and dumps are filtered here only.
  mnl_socket_setsockopt(socket_.get(), NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(socket_.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on);
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0)
    Refuse(env, "set the patience of", errno);
}

Fd RouteSocket::Namespace(Napi::Env env) const {
  Fd fd_of(ioctl(fd(), SIOCGSKNS));
  if (!fd_of) Refuse(env, "ask the namespace of", errno);
  return fd_of;
}

void RouteSocket::Join(Napi::Env env, int group) {
  // FORCE goes beyond net.core.rmem_max and needs CAP_NET_ADMIN; without it the maximum has to do.
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof kReceiveBufferBytes) != 0)
    setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    Refuse(env, "join a group of", errno);
}

RouteSocket::Arrival RouteSocket::Receive(Napi::Env env) { return Receive(env, MSG_DONTWAIT); }

RouteSocket::Arrival RouteSocket::Receive(Napi::Env env, int flags) {
  for (;;) {
    sockaddr_nl from{};
    iovec part{.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    const ssize_t size = recvmsg(fd(), &header, flags);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return {.error = errno};
    if (from.nl_pid != 0) continue;  // another process, not the kernel
    if ((header.msg_flags & MSG_TRUNC) != 0)
      Refuse(env, "read from", EMSGSIZE, "the kernel sent more than 128 KiB at once");
    return {.data = buffer_.data(), .size = static_cast<size_t>(size)};
  }
}

Answer RouteSocket::Ask(Napi::Env env, nlmsghdr* request) {
  request->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0) Refuse(env, "write to", errno);
  Answer answer;
  for (;;) {
    const auto arrival = Receive(env, 0);
    if (arrival.error == EAGAIN) Refuse(env, "read from", ETIMEDOUT, "the kernel did not answer in 30 s");
    if (arrival.error != 0) Refuse(env, "read from", arrival.error);
    int left = static_cast<int>(arrival.size);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(arrival.data); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence_) continue;  // left over from a request that timed out
      if (Read(message, answer)) return answer;
    }
  }
}

// True where the answer is complete.
bool RouteSocket::Read(const nlmsghdr* message, Answer& answer) const {
  if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) answer.interrupted = true;
  const auto* payload = static_cast<const uint8_t*>(mnl_nlmsg_get_payload(message));
  const size_t size = mnl_nlmsg_get_payload_len(message);
  switch (message->nlmsg_type) {
    case NLMSG_NOOP:
      return false;
    case NLMSG_OVERRUN:
      answer.error = ENOBUFS;
      return true;
    case NLMSG_DONE:  // carries the errno of a dump that stopped half-way
      if (size >= sizeof(int)) answer.error = -*reinterpret_cast<const int*>(payload);
      if (answer.error != 0) answer.cause = ExtendedAck(message, sizeof(int));
      return true;
    case NLMSG_ERROR: {
      if (size < sizeof(nlmsgerr)) {
        answer.error = EBADMSG;
        return true;
      }
      const auto* error = reinterpret_cast<const nlmsgerr*>(payload);
      const bool capped = (message->nlmsg_flags & NLM_F_CAPPED) != 0;
      const size_t echo = capped ? 0 : mnl_nlmsg_get_payload_len(&error->msg);
      answer.error = -error->error;
      if (answer.error != 0) answer.cause = ExtendedAck(message, sizeof(nlmsgerr) + MNL_ALIGN(echo));
      return true;
    }
    default: {
      const auto* bytes = reinterpret_cast<const uint8_t*>(message);
      answer.messages.insert(answer.messages.end(), bytes, bytes + MNL_ALIGN(message->nlmsg_len));
      return false;
    }
  }
}
