import type fs from "node:fs";

/**
 * What names a file's content: device, inode, size, and the times of the last change of its content and of its inode in
 * nanoseconds. Nobody but the kernel sets the last. Text, so that it can be compared and be a key.
 */
export type FileKey = string;

type Numbers = Pick<fs.BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

export const keyOfStatus = ({ dev, ino, size, mtimeNs, ctimeNs }: Numbers): FileKey =>
  `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;

export const isFileKey = (text: string): boolean => /^\d{1,20}( \d{1,20}){4}$/.test(text);
