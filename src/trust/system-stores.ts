/** The system's stores as a process sees them: those of the machine, or of its container. */

import type { NamedFiles } from "./named-files.js";
import type { Holding, StoreFacts } from "./predict.js";
import type { ProcessRef } from "./process-files.js";

/** All roots in one file, by distribution: the list in Go's crypto/x509 (root_linux.go). */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Gentoo
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem", // Alpine
];

const FOLDERS = "/etc/ssl/certs:/etc/pki/tls/certs";

export type SystemStoreFacts = Pick<StoreFacts, "bundle" | "folder">;

const FRESH_MS = 1000;

interface Seen {
  readonly at: number;
  readonly facts: Promise<SystemStoreFacts>;
}

/**
 * Reads the machine's own file tree at most once a second. Those of containers are read for each process: the identity
 * of a mount namespace is reused as soon as the first one is gone.
 */
export class SystemStores {
  private seen: Seen | undefined;

  constructor(
    private readonly files: NamedFiles,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param isOwnTree whether the process sees the same files as we do */
  facts(process: ProcessRef, isOwnTree: boolean): Promise<SystemStoreFacts> {
    if (!isOwnTree) return this.read(process, undefined);
    const seen = this.seen;
    const now = this.now();
    if (seen !== undefined && now - seen.at < FRESH_MS) return seen.facts;
    const facts = this.read(process, seen?.facts);
    this.seen = { at: now, facts };
    void facts.then(({ bundle, folder }) => {
      // Unknown, perhaps because that process has ended: read again for the next one.
      if (bundle.kind === "unknown" || folder.kind === "unknown") {
        if (this.seen?.facts === facts) this.seen = undefined;
      }
    });
    return facts;
  }

  private async read(
    process: ProcessRef,
    before: Promise<SystemStoreFacts> | undefined,
  ): Promise<SystemStoreFacts> {
    const [bundle, folder] = await Promise.all([this.bundle(process), this.files.folders(process, FOLDERS)]);
    const previous = await before;
    const facts = {
      bundle: sinceBefore(bundle, previous?.bundle),
      // A link in the folder is younger than the certificate it leads to; the tool writes the bundle afterwards.
      folder: sinceBefore(notBefore(folder, bundle), previous?.folder),
    };
    return facts;
  }

  private async bundle(process: ProcessRef): Promise<Holding> {
    for (const path of BUNDLES) {
      const holding = await this.files.file(process, path);
      if (holding.kind !== "absent") return holding;
    }
    return { kind: "absent" };
  }
}

/** A store that is rewritten with the same certificate in it has had it all the time. */
function sinceBefore(now: Holding, before: Holding | undefined): Holding {
  if (now.kind !== "ours" || before?.kind !== "ours") return now;
  return before.since < now.since ? before : now;
}

function notBefore(holding: Holding, other: Holding): Holding {
  if (holding.kind !== "ours" || other.kind !== "ours" || holding.since >= other.since) return holding;
  return other;
}
