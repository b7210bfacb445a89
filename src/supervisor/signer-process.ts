/**
 * Holds the key of the machine's CA, and signs leaves for names on its list; nothing else. Started by the supervisor as
 * root, it reads the key and gives up root, network, files and processes for good before it takes the first question.
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
  type SignAsk,
  type SignerStart,
  type ToSigner,
} from "./signer-protocol.js";

/** One that hangs is gone this long after its supervisor. */
const ORPHAN_MS = 5_000;

const say = (message: FromSigner) => {
  // A supervisor that is gone is seen by the end of the channel.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

const refused = (why: string): SignAnswer => ({ kind: "refused", why });

class Signer {
  private readonly rate = new SigningRate();

  constructor(
    private readonly ca: CertificateAuthority,
    readonly list: NameList,
  ) {}

  sign({ host, port, key }: SignAsk): SignAnswer {
    if (!this.list.allows(host, port)) return refused("the name is not on the list");
    const publicKey = p256(key);
    if (publicKey === undefined) return refused("the key is no P-256 key");
    if (this.rate.take() === "none_left") return refused("too many certificates were asked for");
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
  // Reads what comes with the program: its files may be out of reach in a moment.
  return new Signer(ca, new NameList({ document: embeddedDocument(), supplement, allHosts, names }));
}

/** For all threads, and for good. */
function giveUpRights(): "confined" | "free" {
  const native = loadNative();
  native.outliveParentAtMost(ORPHAN_MS);
  if (process.getuid?.() === 0) {
    process.setgroups?.([]);
    process.setgid?.(SIGNER_ID);
    process.setuid?.(SIGNER_ID);
  }
  native.forbidCoreDumps(); // after setuid, which makes a process dumpable or not by a setting of the system's
  return native.confine() ? "confined" : "free";
}

function main(): void {
  let signer: Signer | undefined;
  process.on("message", (message: ToSigner) => {
    switch (message.type) {
      case "start":
        try {
          signer = open(message);
          say({ type: "ready", confinement: giveUpRights() });
        } catch (error) {
          say({ type: "failed", why: (error as Error).message });
        }
        return;
      case "bundle": {
        const change = signer?.list.use(message.document);
        if (change?.kind === "taken") say({ type: "list", added: change.added });
        if (change?.kind === "refused") say({ type: "list", added: [], refused: change.why });
        return;
      }
      case "sign":
        say({
          type: "answer",
          id: message.id,
          answer: signer?.sign(message) ?? refused("the signer has no key"),
        });
    }
  });
  process.on("disconnect", () => process.exit(0));
  // Ctrl-C goes to the whole group of the terminal; the supervisor ends things in order.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

main();
