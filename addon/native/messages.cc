#include "messages.h"

#include <bpf/libbpf.h>

#include <cstdio>

namespace {

constexpr size_t kLimit = 16 << 20;  // a verifier log at level 2 can be larger than anyone reads

thread_local Messages* collecting = nullptr;

}  // namespace

struct Printer {
  // Called through C frames: nothing may be thrown out of it.
  static int Print(libbpf_print_level level, const char* format, va_list arguments) noexcept {
    if (level == LIBBPF_DEBUG || collecting == nullptr) return 0;
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length <= 0) return 0;
    try {
      std::string line(static_cast<size_t>(length) + 1, '\0');
      std::vsnprintf(line.data(), line.size(), format, arguments);
      line.pop_back();
      auto& text = collecting->text_;
      text += line;
      if (text.size() > kLimit) text.erase(0, text.size() - kLimit);  // the end says why
    } catch (const std::bad_alloc&) {
      return 0;
    }
    return length;
  }
};

Messages::Messages() : outer_(collecting) { collecting = this; }

Messages::~Messages() { collecting = outer_; }

void Messages::Install() { libbpf_set_print(&Printer::Print); }
