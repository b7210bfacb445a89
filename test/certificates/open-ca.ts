/** Opens the CA of a folder when told to, and prints the certificate's fingerprint: run by several at once. */
import { openCa } from "../../src/certificates/ca.js";

const [folder] = process.argv.slice(2);
process.once("message", () => {
  process.send?.(openCa(folder!).certificate.fingerprint256, () => process.exit(0));
});
process.send?.("ready");
