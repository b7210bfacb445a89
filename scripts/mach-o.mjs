/** What a Mach-O library is and needs from others, read from its bytes (<mach-o/loader.h>, <mach-o/nlist.h>). */

const MAGIC_64 = 0xfeedfacf;
const LC_SYMTAB = 0x2;
const HEADER_SIZE = 32;
const NLIST_SIZE = 16;
const N_STAB = 0xe0;
const N_TYPE = 0x0e;
const N_EXT = 0x01;
/** The library ordinal of symbols that any loaded image may provide: `-undefined dynamic_lookup`. */
const DYNAMIC_LOOKUP_ORDINAL = 0xfe;

const LC_LOAD_DYLIB = 0xc;
const LC_ID_DYLIB = 0xd;
const LC_BUILD_VERSION = 0x32;
/** <mach/machine.h>: CPU_TYPE_X86_64, CPU_TYPE_ARM64. */
const PROCESSORS = new Map([
  [0x01000007, "x64"],
  [0x0100000c, "arm64"],
]);
const PLATFORM_MACOS = 1;

/** Type and place of each load command. */
export function* loadCommands(file) {
  if (file.length < HEADER_SIZE || file.readUInt32LE(0) !== MAGIC_64)
    throw new Error("not a 64-bit Mach-O file");
  let at = HEADER_SIZE;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    yield { type: file.readUInt32LE(at), at };
    at += file.readUInt32LE(at + 4);
  }
}

const commandsOf = (file, wanted) => [...loadCommands(file)].filter(({ type }) => type === wanted);

/** Of LC_LOAD_DYLIB and LC_ID_DYLIB: where the name begins stands behind the two words that all commands have. */
function libraryName(file, { at }) {
  const start = at + file.readUInt32LE(at + 8);
  return file.toString("latin1", start, file.indexOf(0, start));
}

/** Processor, the oldest macOS that would load it (undefined for another system), its own name, and its libraries. */
export function libraryFacts(file) {
  const [built] = commandsOf(file, LC_BUILD_VERSION);
  const isForMac = built !== undefined && file.readUInt32LE(built.at + 8) === PLATFORM_MACOS;
  const version = isForMac ? file.readUInt32LE(built.at + 12) : undefined;
  const [id] = commandsOf(file, LC_ID_DYLIB);
  return {
    processor: PROCESSORS.get(file.readUInt32LE(4)),
    // xxxx.yy.zz in one word
    oldestMac: version === undefined ? undefined : (version >> 16) + ((version >> 8) & 0xff) / 100,
    name: id === undefined ? "" : libraryName(file, id),
    libraries: commandsOf(file, LC_LOAD_DYLIB).map((command) => libraryName(file, command)),
  };
}

function symbolTable(file) {
  const [command] = commandsOf(file, LC_SYMTAB);
  if (command === undefined) throw new Error("no symbol table");
  const [symbols, count, strings] = [8, 12, 16].map((offset) => file.readUInt32LE(command.at + offset));
  return { symbols, count, strings };
}

function* externalSymbols(file) {
  const { symbols, count, strings } = symbolTable(file);
  for (let i = 0; i < count; i++) {
    const entry = symbols + i * NLIST_SIZE;
    const type = file[entry + 4];
    if ((type & N_STAB) !== 0 || (type & N_EXT) === 0) continue;
    const start = strings + file.readUInt32LE(entry);
    const name = file.toString("latin1", start, file.indexOf(0, start));
    yield { name, isDefined: (type & N_TYPE) !== 0, library: file.readUInt16LE(entry + 6) >> 8 };
  }
}

/** Names of the symbols that no library it is linked to provides: whoever loads it must. */
export function undefinedSymbols(file) {
  return [...externalSymbols(file)]
    .filter((symbol) => !symbol.isDefined && symbol.library === DYNAMIC_LOOKUP_ORDINAL)
    .map((symbol) => symbol.name);
}

export function exportedSymbols(file) {
  return [...externalSymbols(file)].filter((symbol) => symbol.isDefined).map((symbol) => symbol.name);
}
