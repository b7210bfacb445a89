import { spawnSync } from "node:child_process";

/** The command-line tool that comes with the system. Throws when it ends with an error. */
export function openssl(args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync("openssl", args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${args[0]} ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}
