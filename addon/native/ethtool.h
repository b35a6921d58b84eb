// What a network device does by itself for the kernel: ethtool's features, by their names.
#ifndef LIBBPF_TS_ETHTOOL_H
#define LIBBPF_TS_ETHTOOL_H

#include <cstdint>
#include <string>
#include <vector>

struct Feature {
  std::string name;
  bool active = false;
  bool changeable = false;
};

// An interface through the ioctls of any socket of its namespace; errors are positive errno.
class Ethtool {
 public:
  Ethtool(int socket, int index) : socket_(socket), index_(index) {}

  int Read(std::vector<Feature>& features);

  // Names that this kernel does not have are left out: the caller reads and compares.
  int Write(const std::vector<Feature>& wanted);

 private:
  int socket_;
  int index_;

  int Ask(void* command);
  int Names(std::vector<std::string>& names);
};

#endif
