/**
 * Holds the key of the machine's CA, and signs leaves for names on its list; nothing else. Started by the supervisor as
 * root, it reads the key and permanently gives up root, network, files and processes before it takes the first request.
 */

import { createPublicKey, type KeyObject } from "node:crypto";
import { type CertificateAuthority, readCa } from "../certificates/ca.js";
import { makeLeaf } from "../certificates/leaf.js";
import { NameList } from "../certificates/name-list.js";
import { makeStaple } from "../certificates/ocsp-answer.js";
import { SigningRate } from "../certificates/signing-rate.js";
import { loadNative } from "../native/native.js";
import { embeddedDocument } from "../oisp/embedded.js";
import {
  type FromSigner,
  SIGNER_ID,
  type SignAnswer,
  type SignerStart,
  type SignRequest,
  type ToSigner,
} from "./signer-protocol.js";

/** A signer that hangs is ended this long after its supervisor. */
const ORPHAN_MS = 5_000;

const send = (message: FromSigner) => {
  // A dead supervisor is detected by the end of the channel.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

const refused = (why: string): SignAnswer => ({ kind: "refused", why });

class Signer {
  private readonly rate = new SigningRate();

  constructor(
    private readonly ca: CertificateAuthority,
    readonly list: NameList,
  ) {}

  sign({ host, port, key }: SignRequest): SignAnswer {
    if (!this.list.allows(host, port)) return refused("the name is not on the list");
    const publicKey = p256(key);
    if (publicKey === undefined) return refused("the key is no P-256 key");
    if (this.rate.take() === "none_left") return refused("too many certificates were requested");
    const leaf = makeLeaf(this.ca, host, publicKey);
    return {
      kind: "signed",
      chain: leaf + this.ca.certificatePem,
      staple: makeStaple(this.ca, leaf).toString("base64"),
    };
  }
}

function p256(key: string): KeyObject | undefined {
  try {
    const made = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
    return made.asymmetricKeyDetails?.namedCurve === "prime256v1" ? made : undefined;
  } catch {
    return undefined;
  }
}

function open({ directory, supplement, allHosts, names }: SignerStart): Signer {
  const ca = readCa(directory);
  // Reads the files that come with the program now: they may be inaccessible in a moment.
  return new Signer(ca, new NameList({ document: embeddedDocument(), supplement, allHosts, names }));
}

/** For all threads, permanently. */
function giveUpRights(): "confined" | "free" {
  const native = loadNative();
  native.outliveParentAtMost(ORPHAN_MS);
  if (process.getuid?.() === 0) {
    process.setgroups?.([]);
    process.setgid?.(SIGNER_ID);
    process.setuid?.(SIGNER_ID);
  }
  native.forbidCoreDumps(); // after setuid, after which a system setting decides whether a process is dumpable
  return native.confine() ? "confined" : "free";
}

function main(): void {
  let signer: Signer | undefined;
  process.on("message", (message: ToSigner) => {
    switch (message.type) {
      case "start":
        try {
          signer = open(message);
          send({ type: "ready", confinement: giveUpRights() });
        } catch (error) {
          send({ type: "failed", why: (error as Error).message });
        }
        return;
      case "bundle": {
        const change = signer?.list.use(message.document);
        if (change?.kind === "taken") send({ type: "list", added: change.added });
        if (change?.kind === "refused") send({ type: "list", added: [], refused: change.why });
        return;
      }
      case "sign":
        send({
          type: "answer",
          id: message.id,
          answer: signer?.sign(message) ?? refused("the signer has no key"),
        });
    }
  });
  process.on("disconnect", () => process.exit(0));
  // Ctrl-C goes to the terminal's whole process group; the supervisor shuts down in order.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

main();
