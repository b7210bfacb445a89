#include "linux/sites/x86_length.h"

#include <string_view>

namespace oximy::sites {
namespace {

/*
 * What follows an opcode:
 *   .  nothing                     m  ModRM
 *   b  1 byte                      B  ModRM and 1 byte
 *   w  2 bytes                     z  4 bytes, 2 with prefix 66
 *   Z  ModRM and z                 j  4 bytes: a branch, whatever the prefix
 *   v  8, 4 or 2 bytes: mov        o  an address of 8 bytes, 4 with prefix 67
 *   e  3 bytes: enter              t  ModRM, and 1 byte for test (f6)
 *   T  ModRM, and z for test (f7)  p  pop, or XOP: not known
 *   x  not an instruction, a prefix, or not known
 */
// Sixteen opcodes a line.
// clang-format off
constexpr std::string_view kOneByte =
    "mmmmbzxx" "mmmmbzxx"   // 00: add, or; 0f is taken before
    "mmmmbzxx" "mmmmbzxx"   // 10: adc, sbb
    "mmmmbzxx" "mmmmbzxx"   // 20: and, sub
    "mmmmbzxx" "mmmmbzxx"   // 30: xor, cmp
    "xxxxxxxx" "xxxxxxxx"   // 40: REX
    "........" "........"   // 50: push, pop
    "xxxmxxxx" "zZbB...."   // 60: movsxd; push, imul, ins, outs
    "bbbbbbbb" "bbbbbbbb"   // 70: jcc
    "BZxBmmmm" "mmmmmmmp"   // 80: group 1, test, xchg, mov, lea, pop
    "........" "..x....."   // 90: xchg, cbw, pushf
    "oooo...." "bz......"   // a0: mov, movs, cmps, test, stos, lods, scas
    "bbbbbbbb" "vvvvvvvv"   // b0: mov
    "BBw.xxBZ" "e.w..bx."   // c0: shifts, ret, mov, enter, leave, int
    "mmmmxxx." "mmmmmmmm"   // d0: shifts, xlat, x87
    "bbbbbbbb" "jjxb...."   // e0: loop, in, out, call, jmp
    "x.xx..tT" "......mm";  // f0: int1, hlt, cmc, group 3; clc …, groups 4 and 5
constexpr std::string_view kTwoBytes =  // after 0f
    "mmmmx..." "..x.xm.x"   // 00: groups 6 and 7, lar, lsl, syscall, clts; invd, wbinvd, ud2, prefetch, femms
    "mmmmmmmm" "mmmmmmmm"   // 10: moves, hints
    "mmmmxxxx" "mmmmmmmm"   // 20: control registers; moves
    "........" "xxxxxxxx"   // 30: wrmsr …; 38 and 3a are taken before
    "mmmmmmmm" "mmmmmmmm"   // 40: cmov
    "mmmmmmmm" "mmmmmmmm"   // 50
    "mmmmmmmm" "mmmmmmmm"   // 60
    "BBBBmmm." "mmxxmmmm"   // 70: pshuf, shifts, pcmpeq, emms; vmread
    "jjjjjjjj" "jjjjjjjj"   // 80: jcc
    "mmmmmmmm" "mmmmmmmm"   // 90: setcc
    "...mBmxx" "...mBmmm"   // a0: push, cpuid, bt, shld; rsm, bts, shrd, group 15, imul
    "mmmmmmmm" "mmBmmmmm"   // b0: cmpxchg …; popcnt, ud1, group 8
    "mmBmBBBm" "........"   // c0: xadd, cmpps, pinsrw, shufps, group 9; bswap
    "mmmmmmmm" "mmmmmmmm"   // d0
    "mmmmmmmm" "mmmmmmmm"   // e0
    "mmmmmmmm" "mmmmmmmm";  // f0
// clang-format on
static_assert(kOneByte.size() == 256 && kTwoBytes.size() == 256);

constexpr size_t kLongest = 15;

/** Reads byte by byte; `fits` turns false when a byte is missing. */
struct Reader {
  const uint8_t* code;
  size_t available;
  size_t at = 0;
  bool fits = true;

  uint8_t Peek(size_t ahead = 0) {
    if (at + ahead < available) return code[at + ahead];
    fits = false;
    return 0;
  }
  uint8_t Next() {
    const uint8_t byte = Peek();
    at++;
    return byte;
  }
  void ModRm() {
    const uint8_t modrm = Next(), mode = modrm >> 6, rm = modrm & 7;
    if (mode == 3) return;
    const uint8_t base = rm == 4 ? Next() & 7 : rm;
    if (mode == 1) at += 1;
    if (mode == 2 || (mode == 0 && base == 5)) at += 4;
  }
};

struct Prefixes {
  bool short_operand = false;
  bool short_address = false;
  bool wide = false;
};

/** False when what follows is unknown. */
bool Rest(Reader& r, char kind, const Prefixes& prefixes) {
  const size_t z = prefixes.short_operand && !prefixes.wide ? 2 : 4;
  const bool is_test = (kind == 't' || kind == 'T' || kind == 'p') && (r.Peek() & 0x30) == 0;
  // A line each, as in the list above.
  // clang-format off
  switch (kind) {
    case '.': return true;
    case 'b': r.at += 1; return true;
    case 'w': r.at += 2; return true;
    case 'e': r.at += 3; return true;
    case 'j': r.at += 4; return true;
    case 'z': r.at += z; return true;
    case 'o': r.at += prefixes.short_address ? 4 : 8; return true;
    case 'v': r.at += prefixes.wide ? 8 : z; return true;
    case 'm': r.ModRm(); return true;
    case 'B': r.ModRm(); r.at += 1; return true;
    case 'Z': r.ModRm(); r.at += z; return true;
    case 't': r.ModRm(); r.at += is_test ? 1 : 0; return true;
    case 'T': r.ModRm(); r.at += is_test ? z : 0; return true;
    case 'p':
      if ((r.Peek() & 0x38) != 0) return false;
      r.ModRm();
      return true;
    default: return false;
  }
  // clang-format on
}

/** VEX and EVEX: the map selects the opcode's table. Nothing there has more than one byte after ModRM. */
bool VectorRest(Reader& r, uint8_t map) {
  const uint8_t opcode = r.Next();
  if (map == 1) {
    const char kind = kTwoBytes[opcode];
    if (kind == '.' && opcode == 0x77) return true;  // vzeroupper
    if (kind != 'm' && kind != 'B') return false;
    return Rest(r, kind, {});
  }
  // 5 and 6: AVX512-FP16.
  if (map != 2 && map != 3 && map != 5 && map != 6) return false;
  return Rest(r, map == 3 ? 'B' : 'm', {});
}

bool Decode(Reader& r) {
  Prefixes prefixes;
  for (;; r.Next()) {
    const uint8_t byte = r.Peek();
    if (byte == 0x66) prefixes.short_operand = true;
    else if (byte == 0x67) prefixes.short_address = true;
    else if (byte != 0xf0 && byte != 0xf2 && byte != 0xf3 && byte != 0x2e && byte != 0x36 && byte != 0x3e &&
             byte != 0x26 && byte != 0x64 && byte != 0x65)
      break;
    if (!r.fits || r.at >= kLongest) return false;
  }
  if ((r.Peek() & 0xf0) == 0x40) prefixes.wide = (r.Next() & 8) != 0;
  const uint8_t opcode = r.Next();
  switch (opcode) {
    case 0x0f: {
      const uint8_t second = r.Next();
      if (second == 0x38 || second == 0x3a) {
        r.Next();
        return Rest(r, second == 0x3a ? 'B' : 'm', prefixes);
      }
      return Rest(r, kTwoBytes[second], prefixes);
    }
    case 0xc5:
      r.Next();
      return VectorRest(r, 1);
    case 0xc4: {
      const uint8_t map = r.Next() & 0x1f;
      r.Next();
      return VectorRest(r, map);
    }
    case 0x62: {
      const uint8_t map = r.Next() & 7;
      r.Next();
      r.Next();
      return VectorRest(r, map);
    }
    default:
      return Rest(r, kOneByte[opcode], prefixes);
  }
}

}  // namespace

size_t X86Length(const uint8_t* code, size_t available) {
  Reader reader{code, available};
  if (!Decode(reader) || !reader.fits || reader.at > available || reader.at > kLongest) return 0;
  return reader.at;
}

}  // namespace oximy::sites
