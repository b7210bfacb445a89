/** What `oximy local` prints and asks before it redirects: whose calls will be captured, and what would change that. */

import { createInterface } from "node:readline";
import type { Log } from "../log.js";
import { printError } from "../terminal.js";
import { machineTrust, NO_STORE } from "../trust/machine-stores.js";
import { machinesCertificateIfMade } from "../trust/our-certificate.js";
import { capturesNobody, type Outlook, type OutlookFacts, outlookOf } from "../trust/outlook.js";
import { outlookLine, outlookTable } from "../trust/outlook-table.js";
import { SessionEnvironment } from "../trust/session-environment.js";
import type { InvokingUser } from "../user/invoking-user.js";
import type { CaptureSettings } from "../user/settings.js";
import { afterInstall, installEverywhere, printOutcomes, type TrustChange } from "./ca-trust.js";

export type InstallCa = "ask" | "yes" | "no";

/** How much is printed: `terminal` the table, `log` one line, `quiet` at most one line. */
export type Audience = "terminal" | "log" | "quiet";

export interface FirstMinute {
  readonly settings: Pick<CaptureSettings, "home" | "intercept" | "trust">;
  readonly invokingUser: InvokingUser;
  /** Null where programs are read. */
  readonly whyNotRead: string | null;
  readonly installCa: InstallCa;
  readonly audience: Audience;
  readonly log: Log;
  /** Replaced in tests. */
  readonly io?: FirstMinuteIo;
}

export interface FirstMinuteIo {
  readonly outlook: () => Promise<Outlook>;
  readonly install: () => Promise<TrustChange>;
  /** Resolves with the input line; empty at end of input. */
  readonly ask: (question: string) => Promise<string>;
  readonly print: (text: string) => void;
}

const QUESTION = "Make this machine's programs trust the certificate now (sudo oximy ca install)? [y/N] ";

export async function firstMinute(options: FirstMinute): Promise<void> {
  const { installCa, audience, log, settings } = options;
  const io = options.io ?? realIo(options);
  let outlook = await io.outlook();
  if (installCa === "yes") {
    await install(io, options);
    outlook = await io.outlook();
  }
  if (audience === "terminal") io.print(outlookTable(outlook));
  else if (capturesNobody(outlook)) log.warn(outlookLine(outlook));
  else log.info(outlookLine(outlook));
  const mayOffer = installCa === "ask" && audience === "terminal" && settings.intercept;
  if (!mayOffer || !capturesNobody(outlook)) return;
  if (/^\s*y(es)?\s*$/i.test(await io.ask(QUESTION))) await install(io, options);
}

/** A failed installation is reported, but does not prevent the capture. */
async function install(io: FirstMinuteIo, { audience, log }: FirstMinute): Promise<void> {
  let change: TrustChange;
  try {
    change = await io.install();
  } catch (error) {
    log.warn(`The certificate could not be installed: ${(error as Error).message}`);
    return;
  }
  if (audience === "terminal") {
    printOutcomes(change, "trusted", { kind: "text", print: io.print });
    for (const line of afterInstall(change)) io.print(line);
    return;
  }
  for (const { store, outcome } of change.stores) {
    if ("why" in outcome) log.warn(`The trust store ${store.location} was not changed: ${outcome.why}.`);
  }
  if (change.stores.some(({ outcome }) => outcome.kind === "done"))
    log.info("The certificate was installed.");
}

function realIo({ settings, invokingUser, whyNotRead }: FirstMinute): FirstMinuteIo {
  return {
    outlook: async () => outlookOf(await lookAround(settings, invokingUser, whyNotRead)),
    install: () => installEverywhere("stores"),
    ask,
    print: printError,
  };
}

async function lookAround(
  { home, intercept, trust }: FirstMinute["settings"],
  invokingUser: InvokingUser,
  whyNotRead: string | null,
): Promise<OutlookFacts> {
  const certificate = machinesCertificateIfMade();
  const session = new SessionEnvironment({ home, invokingUser });
  const isSet = ["set", "out_of_date"].includes(session.status(certificate?.pem).kind);
  const found =
    certificate === undefined
      ? { stores: NO_STORE, variables: {} }
      : await machineTrust(certificate, isSet ? session.variables : {}, invokingUser);
  return {
    reading: whyNotRead === null ? { kind: "on" } : { kind: "off", why: whyNotRead },
    interception: intercept ? trust : "none",
    certificate: certificate === undefined ? "none" : "made",
    ...found,
  };
}

/** Ctrl-C ends the process as usual: nothing is redirected yet. */
function ask(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  return new Promise((resolve) => {
    process.stderr.write(question);
    reader.once("line", (line) => {
      resolve(line);
      reader.close();
    });
    reader.once("close", () => resolve(""));
  });
}
