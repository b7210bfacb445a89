/** The I/O layer that reads and changes trust stores. */

import { spawn } from "node:child_process";
import { chmod, readdir, rm, writeFile } from "node:fs/promises";
import type { InvokingUser } from "../user/invoking-user.js";
import type { Step, Tool, TrustStore } from "./trust-store.js";

/** The error message of the store's own tool, or that it is not installed. */
export class StoreError extends Error {
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

/** The names of the entries in a store. Throws StoreError. */
export async function listStore(
  { listing, owner, advice }: TrustStore,
  invokingUser: InvokingUser,
): Promise<string[]> {
  if (listing.kind === "folder") return readdir(listing.path);
  return [...listing.names(await runTool(listing, owner === "user" ? invokingUser : undefined, advice))];
}

/** Whether the store trusts a certificate that it contains. */
export async function isTrusted(tool: Tool, invokingUser: InvokingUser): Promise<boolean> {
  try {
    await runTool(tool, invokingUser, "");
    return true;
  } catch {
    return false; // its exit code is the answer
  }
}

/** Throws StoreError, or the error of the file system. */
export async function changeStore(
  { owner, advice, refused }: TrustStore,
  steps: readonly Step[],
  invokingUser: InvokingUser,
): Promise<void> {
  for (const step of steps) {
    switch (step.kind) {
      case "write":
        await writeFile(step.path, step.text);
        await chmod(step.path, 0o644); // whatever the umask: all users' programs read it
        break;
      case "delete":
        await rm(step.path, { force: true });
        break;
      case "run":
        await runTool(step, owner === "user" ? invokingUser : undefined, advice, refused);
        break;
    }
  }
}

/** Runs it as the invoking user if given: root does not touch a user's files. Resolves with its output. */
function runTool(
  { file, args, input = "" }: Tool,
  invokingUser: InvokingUser | undefined,
  advice: string,
  refused?: string,
): Promise<string> {
  const { uid, gid, home } = invokingUser ?? {};
  const foreign = uid !== undefined && uid !== process.getuid?.();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: {
        PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`,
        LC_ALL: "C", // its output is parsed
        ...(process.env.JAVA_HOME === undefined ? {} : { JAVA_HOME: process.env.JAVA_HOME }),
        ...(home === undefined ? {} : { HOME: home }),
      },
      ...(foreign ? { uid, gid } : {}),
    });
    let output = "";
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk;
    });
    child.stdin.on("error", () => {}); // it did not read its input; its exit code shows why
    child.stdin.end(input);
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new StoreError(`${file} is not installed`, advice)
          : new StoreError(`${file} cannot be started: ${error.message}`, "Run it manually to see why."),
      ),
    );
    child.once("close", (code) => {
      if (code === 0) return resolve(output);
      const lastLine = (complaint.trim() || output.trim()).split("\n").at(-1);
      const command = [file, ...args].join(" ");
      reject(
        new StoreError(
          `${file} ended with ${code}: ${lastLine}`,
          refused ?? `Run it manually for details: ${command}`,
        ),
      );
    });
  });
}
