/** An executable file: the search, and the check of what it found and of what it might have been made to say. */
#include "linux/sites/check.h"
#include "linux/sites/search.h"
#include "linux/sites/x86_length.h"

using namespace oximy::sites;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Exactly as large as the input, so that every byte beyond is seen.
  for (size_t at = 0; at < size && at < 64; at++) {
    if (X86Length(data + at, size - at) > size - at) __builtin_trap();
  }
  const MemoryBytes bytes(data, size);
  const ImageRead read = ReadImage(bytes);
  if (!read.image) return 0;
  BuildId(bytes, *read.image);
  for (const auto& candidate : Search(bytes, *read.image).sites) {
    // What the search finds holds: both are of one mind.
    if (!IsSite(bytes, *read.image, candidate)) __builtin_trap();
  }
  // The end of the file, taken for an answer.
  Candidate claimed{SiteKind::kKeylog, 0, Rule::kSymbol, {}};
  for (size_t at = size >= 48 ? size - 48 : size; at + 8 <= size; at += 8)
    claimed.proof.push_back(ValueAt<uint64_t>(data + at));
  for (const auto& segment : read.image->segments) claimed.offset = segment.offset;
  for (int kind = 0; kind < 6; kind++) {
    for (int rule = 0; rule < 6; rule++) {
      claimed.kind = static_cast<SiteKind>(kind);
      claimed.rule = static_cast<Rule>(rule);
      IsSite(bytes, *read.image, claimed);
    }
  }
  return 0;
}
