import { ProtocolError } from "./guard.js";

/**
 * Code lengths of the symbols 0 to 255 and EOS, `a` for 5 bits to `z` for 30 (RFC 7541 Appendix B). The code
 * is canonical (ordered by length, then by symbol), so the lengths determine it.
 */
const CODE_LENGTHS =
  "isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfi" +
  "bccccccccccccccccccccccdcdioijbkabababbbaccbbbabcbaabccccckgj" +
  "ixprpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrr" +
  "svvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz";
const EOS = 256;

/** One step per nibble: the next node in bits 0-7, a decoded symbol in 8-15, and flags. */
const EMITS = 1 << 16;
const FAILS = 1 << 17;

/** Nodes of the code's tree: children at `2 * node`; a leaf is stored as `-1 - symbol`. */
function buildTree(): Int16Array {
  const symbols = Array.from({ length: 257 }, (_, symbol) => symbol);
  const lengthOf = (symbol: number): number => CODE_LENGTHS.charCodeAt(symbol) - 92;
  symbols.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  const tree = new Int16Array(2 * 256);
  let nodes = 1;
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    code <<= lengthOf(symbol) - length;
    length = lengthOf(symbol);
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const child = 2 * node + ((code >> bit) & 1);
      if (tree[child] === 0) tree[child] = nodes++;
      node = tree[child]!;
    }
    tree[2 * node + (code & 1)] = -1 - symbol;
    code++;
  }
  return tree;
}

function buildSteps(tree: Int16Array): Uint32Array {
  const steps = new Uint32Array(256 * 16);
  for (let start = 0; start < 256; start++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = start;
      let step = 0;
      for (let bit = 3; bit >= 0; bit--) {
        node = tree[2 * node + ((nibble >> bit) & 1)]!;
        if (node >= 0) continue;
        // No code is shorter than 5 bits, so a nibble completes at most one.
        const symbol = -1 - node;
        step = symbol === EOS ? FAILS : EMITS | (symbol << 8);
        node = 0;
        if (step === FAILS) break;
      }
      steps[start * 16 + nibble] = step | node;
    }
  }
  return steps;
}

/** Nodes where a string may end: less than a byte of the EOS code, all ones, as padding (RFC 7541 §5.2). */
function buildEndings(tree: Int16Array): Uint8Array {
  const endings = new Uint8Array(256);
  for (let node = 0, depth = 0; depth < 8; depth++, node = tree[2 * node + 1]!) endings[node] = 1;
  return endings;
}

const TREE = buildTree();
const STEPS = buildSteps(TREE);
const ENDINGS = buildEndings(TREE);

/** Decodes a Huffman-coded string of HPACK as latin1. */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string {
  const decoded = Buffer.allocUnsafe((((end - start) * 8) / 5) | 0);
  let length = 0;
  let node = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const high = STEPS[(node << 4) | (byte >> 4)]!;
    if (high & EMITS) decoded[length++] = high >> 8;
    const low = STEPS[((high & 0xff) << 4) | (byte & 15)]!;
    if (low & EMITS) decoded[length++] = low >> 8;
    if ((high | low) & FAILS) throw new ProtocolError("hpack_bad_huffman");
    node = low & 0xff;
  }
  if (ENDINGS[node] === 0) throw new ProtocolError("hpack_bad_huffman");
  return decoded.toString("latin1", 0, length);
}
