/** Starts a recorder with the process that started the server and the folder of its events. */

import { createProcessTree } from "../attribution/process-tree.js";
import { withTimeout } from "../attribution/time-limit.js";
import type { Owner } from "../connection/client.js";
import { loadNative } from "../native/native.js";
import type { CaptureSettings } from "../user/settings.js";
import type { McpRecorder } from "./recorder.js";

/** Recording waits for this, the server does not. */
const OWNER_MS = 1_000;

export interface RecordOptions {
  readonly settings: CaptureSettings;
  /** Name of the server if it does not report one. */
  readonly label: string;
  /** The process that started us. */
  readonly parent: number;
}

export async function record(recorder: McpRecorder, options: RecordOptions): Promise<void> {
  const { settings, label, parent } = options;
  recorder.start({
    outputDir: settings.outputDir,
    maxBody: settings.maxBody,
    ...(settings.keepDays !== undefined && { keepDays: settings.keepDays }),
    ...(settings.keepSize !== undefined && { keepSize: settings.keepSize }),
    ...(settings.onFinding !== undefined && { onFinding: settings.onFinding }),
    bundle: {
      home: settings.home,
      url: settings.bundleUrl,
      supplement: settings.supplement ? "over" : "none",
      ...(settings.bundleFile !== undefined && { file: settings.bundleFile }),
    },
    label,
    owner: await ownerOf(parent),
  });
}

async function ownerOf(pid: number): Promise<Owner> {
  const unknown = (reason: string): Owner => ({ kind: "unknown", reason });
  try {
    const native = loadNative();
    if (native.implementation === "none") return unknown("unsupported");
    const tree = createProcessTree(native);
    const owner = await withTimeout(OWNER_MS, tree.describe(pid), () => tree.outline(pid));
    return owner ?? unknown("client_gone");
  } catch {
    // Calls are recorded even without the addon.
    return unknown("failed");
  }
}
