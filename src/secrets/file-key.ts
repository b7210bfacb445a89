import type fs from "node:fs";

/**
 * Identifies a file's content: device, inode, size, mtime and ctime in nanoseconds. Only the kernel can set ctime. A
 * string, so that it can be compared and used as a map key.
 */
export type FileKey = string;

type Numbers = Pick<fs.BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

export const keyOfStatus = ({ dev, ino, size, mtimeNs, ctimeNs }: Numbers): FileKey =>
  `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;

export const isFileKey = (text: string): boolean => /^\d{1,20}( \d{1,20}){4}$/.test(text);
