/** Opens the page in the user's browser. */

import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { makeFolder } from "../../make-folder.js";

/**
 * Uses a redirecting file that only the user can read: the address contains the token, and all users of a machine can
 * see the arguments of a program. Opens nothing for root, without a terminal or without a desktop. Returns a function
 * that removes the file.
 */
export function openInBrowser(home: string, address: string): () => void {
  const isMac = process.platform === "darwin";
  const hasDesktop = isMac || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  if (process.getuid?.() === 0 || !process.stdout.isTTY || !hasDesktop) return () => {};
  const folder = join(home, "ui");
  makeFolder(folder);
  const file = join(folder, `open-${process.pid}.html`);
  // The address needs no escaping in HTML or URLs.
  const html = `<!doctype html><meta http-equiv="refresh" content="0; url=${address}"><title>Oximy</title>\n`;
  writeFileSync(file, html, { mode: 0o600 });
  const child = spawn(isMac ? "open" : "xdg-open", [pathToFileURL(file).href], {
    stdio: "ignore",
    detached: true,
  });
  child.on("error", () => {}); // no such program: the address was printed
  child.unref();
  return () => rmSync(file, { force: true });
}
