// What libbpf prints, collected for the error instead of shown on stderr.
#ifndef LIBBPF_TS_MESSAGES_H
#define LIBBPF_TS_MESSAGES_H

#include <string>

// While one lives on a thread, libbpf's warnings on that thread go into it.
class Messages {
 public:
  Messages();
  ~Messages();
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  const std::string& text() const { return text_; }

  // For the whole process and idempotent: libbpf has one print function, whatever the number of threads.
  static void Install();

 private:
  friend struct Printer;
  std::string text_;
  Messages* outer_;
};

#endif
