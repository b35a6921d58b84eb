#include "ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace {

constexpr size_t kBits = 32;  // in each block of features

size_t BlocksFor(size_t features) { return (features + kBits - 1) / kBits; }

// A command with an array behind it, aligned and zeroed.
template <class Command>
class Buffer {
 public:
  explicit Buffer(uint32_t command, size_t bytes_behind)
      : words_((sizeof(Command) + bytes_behind + sizeof(uint64_t) - 1) / sizeof(uint64_t)) {
    get()->cmd = command;
  }
  Command* get() { return reinterpret_cast<Command*>(words_.data()); }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace

// The ioctl takes a name, and names change hands.
int Ethtool::Ask(void* command) {
  ifreq request{};
  request.ifr_ifindex = index_;
  if (ioctl(socket_, SIOCGIFNAME, &request) != 0) return errno;
  request.ifr_data = static_cast<char*>(command);
  return ioctl(socket_, SIOCETHTOOL, &request) < 0 ? errno : 0;
}

int Ethtool::Names(std::vector<std::string>& names) {
  Buffer<ethtool_sset_info> count(ETHTOOL_GSSET_INFO, sizeof(uint32_t));
  count.get()->sset_mask = 1ULL << ETH_SS_FEATURES;
  if (const int error = Ask(count.get())) return error;
  const size_t size = count.get()->sset_mask == 0 ? 0 : count.get()->data[0];
  Buffer<ethtool_gstrings> strings(ETHTOOL_GSTRINGS, size * ETH_GSTRING_LEN);
  strings.get()->string_set = ETH_SS_FEATURES;
  strings.get()->len = size;
  if (const int error = Ask(strings.get())) return error;
  for (size_t i = 0; i < size; i++) {
    const auto* text = reinterpret_cast<const char*>(strings.get()->data) + i * ETH_GSTRING_LEN;
    names.emplace_back(text, strnlen(text, ETH_GSTRING_LEN));
  }
  return 0;
}

int Ethtool::Read(std::vector<Feature>& features) {
  std::vector<std::string> names;
  if (const int error = Names(names)) return error;
  const size_t blocks = BlocksFor(names.size());
  Buffer<ethtool_gfeatures> found(ETHTOOL_GFEATURES, blocks * sizeof(ethtool_get_features_block));
  found.get()->size = blocks;
  if (const int error = Ask(found.get())) return error;
  for (size_t i = 0; i < names.size(); i++) {
    if (names[i].empty()) continue;
    const auto& block = found.get()->features[i / kBits];
    const uint32_t bit = 1U << (i % kBits);
    features.push_back({.name = names[i],
                        .active = (block.active & bit) != 0,
                        .changeable = (block.available & ~block.never_changed & bit) != 0});
  }
  return 0;
}

int Ethtool::Write(const std::vector<Feature>& wanted) {
  std::vector<std::string> names;
  if (const int error = Names(names)) return error;
  const size_t blocks = BlocksFor(names.size());
  Buffer<ethtool_sfeatures> change(ETHTOOL_SFEATURES, blocks * sizeof(ethtool_set_features_block));
  change.get()->size = blocks;
  for (const auto& feature : wanted) {
    const auto place = std::find(names.begin(), names.end(), feature.name);
    if (place == names.end()) continue;
    const size_t i = place - names.begin();
    auto& block = change.get()->features[i / kBits];
    const uint32_t bit = 1U << (i % kBits);
    block.valid |= bit;
    if (feature.active) block.requested |= bit;
  }
  return Ask(change.get());
}
