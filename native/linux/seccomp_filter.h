#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>

namespace oximy {

#if defined(__x86_64__)
constexpr uint32_t kSeccompArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kSeccompArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kSeccompArchitecture = 0;  // matches nothing: a filter that checks it refuses every call
#endif

/** @param offset in seccomp_data, from which 32 bits are loaded */
constexpr sock_filter SeccompLoad(size_t offset) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(offset)};
}

}  // namespace oximy
