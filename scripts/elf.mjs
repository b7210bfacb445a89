/** What an ELF file of 64 bits needs from others, read from its bytes (elf(5), and the LSB's chapter on symbol versions). */

const MAGIC = 0x7f454c46;
const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const DT_NEEDED = 1;
const STB_WEAK = 2;
const SYMBOL_SIZE = 24;

const at64 = (file, offset) => Number(file.readBigUInt64LE(offset));

function text(file, offset) {
  return file.toString("latin1", offset, file.indexOf(0, offset));
}

function sections(file) {
  if (file.readUInt32BE(0) !== MAGIC || file[4] !== 2 || file[5] !== 1)
    throw new Error("not a little-endian ELF file of 64 bits");
  const [start, size, count] = [at64(file, 40), file.readUInt16LE(58), file.readUInt16LE(60)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return {
      type: file.readUInt32LE(at + 4),
      offset: at64(file, at + 24),
      size: at64(file, at + 32),
      link: file.readUInt32LE(at + 40),
      info: file.readUInt32LE(at + 44),
    };
  });
}

function* neededLibraries(file, all) {
  const dynamic = all.find(({ type }) => type === SHT_DYNAMIC);
  if (dynamic === undefined) return;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    if (at64(file, at) === DT_NEEDED) yield text(file, all[dynamic.link].offset + at64(file, at + 8));
  }
}

/** Such as GLIBC_2.17. */
function* neededVersions(file, all) {
  const needs = all.find(({ type }) => type === SHT_GNU_VERNEED);
  if (needs === undefined) return;
  const strings = all[needs.link].offset;
  for (let left = needs.info, at = needs.offset; left > 0; left--) {
    for (let more = file.readUInt16LE(at + 2), one = at + file.readUInt32LE(at + 8); more > 0; more--) {
      yield text(file, strings + file.readUInt32LE(one + 8));
      one += file.readUInt32LE(one + 12);
    }
    at += file.readUInt32LE(at + 12);
  }
}

function* dynamicSymbols(file, all) {
  const symbols = all.find(({ type }) => type === SHT_DYNSYM);
  if (symbols === undefined) return;
  for (let at = symbols.offset + SYMBOL_SIZE; at < symbols.offset + symbols.size; at += SYMBOL_SIZE) {
    yield {
      name: text(file, all[symbols.link].offset + file.readUInt32LE(at)),
      isDefined: file.readUInt16LE(at + 6) !== 0,
      isWeak: file[at + 4] >> 4 === STB_WEAK,
    };
  }
}

const byNumber = (a, b) => a.localeCompare(b, "en", { numeric: true });

/** Names that it provides to others, before whose own a preloaded library stands. */
export function elfExports(file) {
  return [...dynamicSymbols(file, sections(file))]
    .filter(({ isDefined }) => isDefined)
    .map(({ name }) => name);
}

/** `symbols` are those that others must provide, without weak ones, which may be missing. `glibc` is the oldest version that has all that is needed; undefined where nothing of it is. */
export function elfNeeds(file) {
  const all = sections(file);
  const versions = [...neededVersions(file, all)].sort(byNumber);
  const glibc = versions.filter((version) => /^GLIBC_[\d.]+$/.test(version)).at(-1);
  return {
    libraries: [...neededLibraries(file, all)],
    versions,
    glibc: glibc?.slice("GLIBC_".length),
    symbols: [...dynamicSymbols(file, all)]
      .filter(({ isDefined, isWeak }) => !isDefined && !isWeak)
      .map(({ name }) => name),
  };
}
