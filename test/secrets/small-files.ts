import fs from "node:fs";
import path from "node:path";
import type { ProvenSite } from "../../src/secrets/site.js";

/**
 * Executable files of some kilobytes, compiled from a few lines each that do what the stacks do; they are the fuzzer's
 * seeds, too. Those for arm64 are by clang and GNU ld; none was ever run.
 */
export const SMALL_FILES: ReadonlyArray<{
  readonly name: string;
  readonly machine: "x64" | "arm64";
  readonly sites: ReadonlyArray<readonly [ProvenSite["kind"], ProvenSite["rule"], number]>;
}> = [
  { name: "keylog", machine: "x64", sites: [["keylog", "calls", 0x160]] },
  { name: "fixed", machine: "x64", sites: [["keylog", "calls", 0xf0]] },
  { name: "symbol", machine: "x64", sites: [["keylog", "symbol", 0x1c0]] },
  {
    name: "rustls",
    machine: "x64",
    sites: [
      ["rustls_will_log", "label_table", 0x283],
      ["rustls_log", "label", 0x2bc],
    ],
  },
  {
    name: "freebl",
    machine: "x64",
    sites: [
      ["nss_hmac_create", "vector", 0x1f0],
      ["nss_hmac_init", "vector", 0x200],
    ],
  },
  { name: "go", machine: "x64", sites: [["go", "go_table", 0xc0]] },
  { name: "keylog-arm64", machine: "arm64", sites: [["keylog", "calls", 0x204]] },
  {
    name: "rustls-arm64",
    machine: "arm64",
    sites: [
      ["rustls_will_log", "label_table", 0x2b0],
      ["rustls_log", "label", 0x2f4],
    ],
  },
  {
    name: "freebl-arm64",
    machine: "arm64",
    sites: [
      ["nss_hmac_create", "vector", 0x24c],
      ["nss_hmac_init", "vector", 0x25c],
    ],
  },
  { name: "go-arm64", machine: "arm64", sites: [["go", "go_table", 0xc0]] },
];

export const smallFile = (name: string): string => path.resolve("test/native/fuzz/corpus/sites", name);

/** Runs with a file open, and closes it. */
export async function withFile<T>(file: string, use: (fd: number) => T | Promise<T>): Promise<T> {
  const fd = fs.openSync(file, "r");
  try {
    return await use(fd);
  } finally {
    fs.closeSync(fd);
  }
}
