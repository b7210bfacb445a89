/** Whether a packed binary could be loaded where it is meant for, as far as its bytes tell; and what it needs there. */
import { codeSignature } from "./code-signature.mjs";
import { elfExports, elfNeeds } from "./elf.mjs";
import { exportedSymbols, libraryFacts, undefinedSymbols } from "./mach-o.mjs";
import { ADDON, PRELOAD } from "./prebuilds.mjs";

/** What is part of glibc, and there where its libc.so.6 is. Nothing else is asked of a system. */
const GLIBC =
  /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|ld-linux-[\w-]+\.so\.[12])$/;
const MUSL = /^libc\.so$/;
const FROM_NODE = /^_?(napi|node_api)_/;

/** e_machine of <elf.h>: EM_X86_64, EM_AARCH64. */
const MACHINES = { x64: 62, arm64: 183 };

/**
 * It is in programs of glibc and of musl, which a library that they do not have would keep from starting. What it exports
 * stands before their own: a compiler's memcpy() would, too.
 */
function checkPreloaded(bytes, needs) {
  if (needs.length > 0) throw new Error(`needs ${needs.join(", ")}`);
  const exported = elfExports(bytes).sort().join(", ");
  if (exported !== "SSL_new, connect, getpeername") throw new Error(`exports ${exported}`);
}

function checkLinux(name, file, bytes) {
  const { libraries, versions, glibc, symbols } = elfNeeds(bytes);
  const [, arch, libc = "glibc"] = name.split("-");
  if (bytes.readUInt16LE(18) !== MACHINES[arch]) throw new Error("for another processor");
  const own = libc === "musl" ? MUSL : GLIBC;
  const foreign = libraries.filter((library) => !own.test(library));
  if (foreign.length > 0) throw new Error(`needs ${foreign.join(", ")}`);
  const others = versions.filter((version) => !version.startsWith("GLIBC_"));
  if (others.length > 0) throw new Error(`needs ${others.join(", ")}`);
  if (file === ADDON && !symbols.some((symbol) => FROM_NODE.test(symbol)))
    throw new Error("not an addon for Node");
  if (file === PRELOAD) checkPreloaded(bytes, [...libraries, ...versions]);
  return { ...(glibc && { glibc }), libraries };
}

/** The oldest that is promised. */
const OLDEST_MAC = 12;
/** Part of every macOS, and all that is asked of it. */
const LIB_SYSTEM = "/usr/lib/libSystem.B.dylib";

function checkDarwin(name, file, bytes) {
  const { processor, oldestMac, name: ownName, libraries } = libraryFacts(bytes);
  if (name !== `darwin-${processor}`) throw new Error("for another processor");
  if (oldestMac === undefined || oldestMac > OLDEST_MAC)
    throw new Error(`not for macOS ${OLDEST_MAC}, but ${oldestMac}`);
  const foreign = libraries.filter((library) => library !== LIB_SYSTEM);
  if (foreign.length > 0) throw new Error(`needs ${foreign.join(", ")}`);
  if (ownName !== `@rpath/${file}`) throw new Error(`has the name of a place: ${ownName}`);
  const missing = undefinedSymbols(bytes).filter((symbol) => !FROM_NODE.test(symbol));
  if (missing.length > 0) throw new Error(`symbols that nothing provides on macOS: ${missing.join(", ")}`);
  if (!exportedSymbols(bytes).includes("_napi_register_module_v1")) throw new Error("not an addon for Node");
  if (codeSignature(bytes) !== "adhoc") throw new Error("not signed");
  return { macos: String(OLDEST_MAC), libraries };
}

/** What it needs, for the manifest. Throws when it needs what need not be there, or is not what it should be. */
export function checkBinary(name, file, bytes) {
  try {
    return name.startsWith("darwin-") ? checkDarwin(name, file, bytes) : checkLinux(name, file, bytes);
  } catch (error) {
    throw new Error(`prebuilds/${name}/${file}: ${error.message}`, { cause: error });
  }
}
