/** What a Mach-O library needs from others, read from its bytes (Apple's <mach-o/loader.h> and <mach-o/nlist.h>). */

const MAGIC_64 = 0xfeedfacf;
const LC_SYMTAB = 0x2;
const HEADER_SIZE = 32;
const NLIST_SIZE = 16;
const N_STAB = 0xe0;
const N_TYPE = 0x0e;
const N_EXT = 0x01;
/** The library ordinal of symbols that any loaded image may provide: `-undefined dynamic_lookup`. */
const DYNAMIC_LOOKUP_ORDINAL = 0xfe;

function symbolTable(file) {
  if (file.readUInt32LE(0) !== MAGIC_64) throw new Error("not a 64-bit Mach-O file");
  let command = HEADER_SIZE;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    if (file.readUInt32LE(command) === LC_SYMTAB) {
      const [symbols, count, strings] = [8, 12, 16].map((offset) => file.readUInt32LE(command + offset));
      return { symbols, count, strings };
    }
    command += file.readUInt32LE(command + 4);
  }
  throw new Error("no symbol table");
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
