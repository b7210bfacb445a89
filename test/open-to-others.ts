import { fileURLToPath } from "node:url";
import { closedFolderOn } from "../src/closed-folder.js";
import { asInvokingUser } from "../src/user/invoking-user.js";

const CHECKOUT = fileURLToPath(new URL("../package.json", import.meta.url));
/** Whom many tests start programs as. */
const NOBODY = { uid: 65_534, gid: 65_534, home: "/" };

/** Says at the start why tests will fail that run programs of this checkout as another user. */
export default function tellIfClosed(): void {
  const why = whyClosed(CHECKOUT);
  if (why !== undefined) console.error(why);
}

export function whyClosed(path: string): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const closed = asInvokingUser(NOBODY, () => closedFolderOn(path));
  return (
    closed &&
    `Other users may not enter ${closed} (no execute right), in which this checkout lies: tests that run its programs ` +
      `as another user will fail. Move the checkout, or allow it: chmod o+x ${closed}`
  );
}
