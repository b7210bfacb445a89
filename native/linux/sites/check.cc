#include "linux/sites/check.h"

#include "linux/sites/freebl.h"
#include "linux/sites/go_table.h"
#include "linux/sites/keylog.h"
#include "linux/sites/rustls.h"
#include "linux/sites/x86_length.h"

namespace oximy::sites {
namespace {

constexpr size_t kLongestProof = 32;

/** The kernel must replace a whole instruction; on arm64 each lies at a multiple of 4. */
bool IsInstruction(const Bytes& bytes, const Image& image, uint64_t offset) {
  if (image.machine == Machine::kArm64) return offset % 4 == 0;
  uint8_t code[15];
  const uint64_t size = bytes.size() - offset < sizeof code ? bytes.size() - offset : sizeof code;
  return bytes.Read(offset, code, size) && X86Length(code, size) != 0;
}

}  // namespace

bool IsSite(const Bytes& bytes, const Image& image, const Candidate& candidate) {
  const auto address = image.AddressOf(candidate.offset);
  if (!address || image.CodeOffsetOf(*address) != candidate.offset) return false;
  if (candidate.proof.size() > kLongestProof || !IsInstruction(bytes, image, candidate.offset)) return false;
  const Program program{bytes, image};
  switch (candidate.rule) {
    case Rule::kSymbol:
    case Rule::kCalls:
      return CheckKeylog(program, candidate);
    case Rule::kGoTable:
      return CheckGo(program, candidate);
    case Rule::kLabelTable:
    case Rule::kLabel:
      return CheckRustls(program, candidate);
    case Rule::kVector:
      return CheckFreebl(program, candidate);
  }
  return false;
}

}  // namespace oximy::sites
