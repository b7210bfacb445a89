#include "front_peek.h"

#include <algorithm>
#include <string_view>

namespace oximy {
namespace {

constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kClientHelloMessage = 1;
constexpr size_t kMaxMethod = 24;
constexpr size_t kMaxRequestLine = 8 << 10;

Peek ClassifyHello(const uint8_t* bytes, size_t length) {
  uint8_t header[4];
  size_t have = 0;
  for (size_t offset = 0; offset < length;) {
    const uint8_t* record = bytes + offset;
    const size_t left = length - offset;
    if (record[0] != kHandshakeRecord || (left > 1 && record[1] != 3)) return Peek::kOther;
    if (left < 5) break;
    const size_t size = record[3] << 8 | record[4];
    if (size == 0 || size > kMaxHello) return Peek::kOther;
    const size_t present = std::min(size, left - 5);
    for (size_t i = 0; i < present && have + i < sizeof header; i++) header[have + i] = record[5 + i];
    have += present;
    if (have > 0 && header[0] != kClientHelloMessage) return Peek::kOther;
    if (have >= sizeof header) {
      const size_t wanted = sizeof header + (header[1] << 16 | header[2] << 8 | header[3]);
      if (wanted > kMaxHello) return Peek::kOther;
      if (have >= wanted) return Peek::kClientHello;
    }
    offset += 5 + size;
  }
  return length < kPeekLimit ? Peek::kIncomplete : Peek::kOther;
}

bool IsMethodByte(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; }

Peek ClassifyHttp(std::string_view text) {
  const size_t method = std::find_if_not(text.begin(), text.end(), IsMethodByte) - text.begin();
  if (method > kMaxMethod) return Peek::kOther;
  if (method == text.size()) return Peek::kIncomplete;
  if (method == 0 || text[method] != ' ') return Peek::kOther;

  std::string_view line = text.substr(0, text.find('\n'));
  const bool line_ended = line.size() < text.size();
  if (line_ended && line.back() == '\r') line.remove_suffix(1);
  const auto is_text = [](unsigned char c) { return c >= 0x20 && c != 0x7f; };
  const bool cut_in_line_end = !line_ended && line.back() == '\r';
  if (!std::all_of(line.begin(), line.end() - (cut_in_line_end ? 1 : 0), is_text)) return Peek::kOther;
  if (!line_ended) return line.size() < kMaxRequestLine ? Peek::kIncomplete : Peek::kOther;
  const size_t version = line.rfind(" HTTP/");
  if (version == std::string_view::npos || version < method) return Peek::kOther;

  const bool head_ended = text.find("\n\r\n") != std::string_view::npos || text.find("\n\n") != std::string_view::npos;
  return head_ended || text.size() >= kMaxHttpHead ? Peek::kHttp : Peek::kIncomplete;
}

}  // namespace

Peek ClassifyPeek(const uint8_t* bytes, size_t length) {
  if (length == 0) return Peek::kIncomplete;
  if (bytes[0] == kHandshakeRecord) return ClassifyHello(bytes, length);
  return ClassifyHttp({reinterpret_cast<const char*>(bytes), length});
}

}  // namespace oximy
