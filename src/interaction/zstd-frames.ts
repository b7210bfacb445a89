/**
 * Inspects the headers of zstd frames for their resource needs, before decoding (RFC 8878 §3.1). The bytes may be split
 * anywhere.
 */

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const SKIPPABLE_HEADER = 8;
/** Magic number and descriptor, which determine the length of a frame's header. */
const DESCRIBED = 5;
const LONGEST_HEADER = 18;
const BLOCK_HEADER = 3;
const CHECKSUM = 4;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;
/**
 * fzstd moves its whole window for each block: 60 µs for the usual 2 MiB. Limit of window bytes moved per input byte,
 * which allows blocks of 16 bytes, smaller than the event of a token; and the minimum for any input.
 */
const MOVED_PER_BYTE = 128 << 10;
const ALWAYS_MOVED = 1 << 30;

export class ZstdFrames {
  /** The largest window required by a frame, in bytes. */
  window = 0;
  /** A header was expected, but is invalid. */
  isDamaged = false;
  private received = 0;
  /** Sum of the window sizes of all blocks, in bytes. */
  private moved = 0;
  private readonly header = Buffer.alloc(LONGEST_HEADER);
  private filled = 0;
  private needed = DESCRIBED;
  private at: "frame" | "block" = "frame";
  private toSkip = 0;
  private frameWindow = 0;
  private hasChecksum = false;

  /**
   * Its blocks are too small for its window: decoding would take excessively long, unlike for any legitimate sender.
   */
  get isTooMuch(): boolean {
    return this.moved > ALWAYS_MOVED + this.received * MOVED_PER_BYTE;
  }

  push(bytes: Uint8Array): void {
    this.received += bytes.length;
    let at = 0;
    while (at < bytes.length && !this.isDamaged) {
      if (this.toSkip > 0) {
        const skipped = Math.min(this.toSkip, bytes.length - at);
        this.toSkip -= skipped;
        at += skipped;
        continue;
      }
      this.header[this.filled++] = bytes[at++]!;
      if (this.filled < this.needed) continue;
      if (this.at === "frame") this.takeFrame();
      else this.takeBlock();
    }
  }

  private takeFrame(): void {
    const magic = this.header.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      if (this.filled < SKIPPABLE_HEADER) this.needed = SKIPPABLE_HEADER;
      else this.expect("frame", this.header.readUInt32LE(4));
      return;
    }
    if (magic !== MAGIC) {
      this.isDamaged = true;
      return;
    }
    const length = headerLength(this.header[4]!);
    if (this.filled < length) {
      this.needed = length;
      return;
    }
    this.hasChecksum = (this.header[4]! & 0x04) !== 0;
    this.frameWindow = windowOf(this.header);
    this.window = Math.max(this.window, this.frameWindow);
    this.expect("block", 0);
  }

  private takeBlock(): void {
    const block = this.header.readUIntLE(0, BLOCK_HEADER);
    this.moved += this.frameWindow;
    const type = (block >> 1) & 3;
    const size = type === RLE_BLOCK ? 1 : block >> 3;
    this.isDamaged = type === RESERVED_BLOCK;
    if ((block & 1) === 0) this.expect("block", size);
    else this.expect("frame", size + (this.hasChecksum ? CHECKSUM : 0));
  }

  private expect(what: "frame" | "block", toSkip: number): void {
    this.at = what;
    this.needed = what === "frame" ? DESCRIBED : BLOCK_HEADER;
    this.filled = 0;
    this.toSkip = toSkip;
  }
}

const isSingleSegment = (descriptor: number) => (descriptor & 0x20) !== 0;
const dictionaryIdLength = (descriptor: number) => [0, 1, 2, 4][descriptor & 3]!;
const contentSizeLength = (descriptor: number) =>
  [isSingleSegment(descriptor) ? 1 : 0, 2, 4, 8][descriptor >> 6]!;

function headerLength(descriptor: number): number {
  const window = isSingleSegment(descriptor) ? 0 : 1;
  return DESCRIBED + window + dictionaryIdLength(descriptor) + contentSizeLength(descriptor);
}

/** Window_Descriptor; for a single-segment frame, its content size (§3.1.1.1.2). */
function windowOf(header: Buffer): number {
  const descriptor = header[4]!;
  if (!isSingleSegment(descriptor)) {
    const base = 2 ** (10 + (header[5]! >> 3));
    return base + (base / 8) * (header[5]! & 7);
  }
  const at = DESCRIBED + dictionaryIdLength(descriptor);
  const size = contentSizeLength(descriptor);
  if (size === 8) return Number(header.readBigUInt64LE(at));
  return header.readUIntLE(at, size) + (size === 2 ? 256 : 0);
}
