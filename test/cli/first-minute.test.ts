import { describe, expect, it, test } from "vitest";
import type { TrustChange } from "../../src/cli/ca-trust.js";
import { type Audience, firstMinute, type InstallCa } from "../../src/cli/first-minute.js";
import type { Log } from "../../src/log.js";
import { debian } from "../../src/trust/debian.js";
import { NO_STORE } from "../../src/trust/machine-stores.js";
import { type OutlookFacts, outlookOf } from "../../src/trust/outlook.js";
import { outlookTable } from "../../src/trust/outlook-table.js";

const reads: OutlookFacts = {
  reading: { kind: "on" },
  interception: "predicted",
  certificate: "none",
  stores: NO_STORE,
  variables: {},
};
const unread: OutlookFacts = { ...reads, reading: { kind: "off", why: "--no-read was given" } };
const trusted: OutlookFacts = {
  ...unread,
  certificate: "made",
  stores: { ...NO_STORE, bundle: { kind: "ours", since: 0 } },
};
const done: TrustChange = { stores: [{ store: debian, outcome: { kind: "done" } }], environmentFile: "" };

interface Happened {
  readonly questions: string[];
  readonly printed: string[];
  readonly logged: string[];
  installs: number;
}

async function run(
  facts: OutlookFacts,
  installCa: InstallCa,
  audience: Audience,
  answer = "",
  install: () => Promise<TrustChange> = async () => done,
): Promise<Happened> {
  const happened: Happened = { questions: [], printed: [], logged: [], installs: 0 };
  const say = (level: string) => (message: string) => void happened.logged.push(`${level}: ${message}`);
  const log: Log = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  await firstMinute({
    settings: { home: "/none", intercept: facts.interception !== "none", trust: "predicted" },
    invokingUser: { uid: 1, gid: 1, home: "/none" },
    whyNotRead: null,
    installCa,
    audience,
    log,
    io: {
      outlook: async () => outlookOf(happened.installs > 0 ? trusted : facts),
      install: () => {
        happened.installs++;
        return install();
      },
      ask: async (question) => {
        happened.questions.push(question);
        return answer;
      },
      print: (text) => void happened.printed.push(text),
    },
  });
  return happened;
}

describe("the certificate is offered", () => {
  test.each<[string, OutlookFacts, InstallCa, Audience, string, questions: number, installs: number]>([
    ["where nobody's calls would be captured: yes", unread, "ask", "terminal", "y", 1, 1],
    ["where nobody's calls would be captured: Yes", unread, "ask", "terminal", " Yes", 1, 1],
    ["where nobody's calls would be captured: no", unread, "ask", "terminal", "n", 1, 0],
    ["and an empty answer is no", unread, "ask", "terminal", "", 1, 0],
    ["and any other word is no", unread, "ask", "terminal", "yesterday", 1, 0],
    ["not where programs are read", reads, "ask", "terminal", "y", 0, 0],
    ["not where some program trusts it", trusted, "ask", "terminal", "y", 0, 0],
    ["not with --no-install-ca", unread, "no", "terminal", "y", 0, 0],
    ["not with --no-intercept", { ...unread, interception: "none" }, "ask", "terminal", "y", 0, 0],
    ["not in a log", unread, "ask", "log", "y", 0, 0],
    ["not with --quiet", unread, "ask", "quiet", "y", 0, 0],
    ["and installed without a question by --install-ca", unread, "yes", "terminal", "", 0, 1],
    ["and installed by --install-ca where programs are read too", reads, "yes", "terminal", "", 0, 1],
    ["and installed by --install-ca in a log", unread, "yes", "log", "", 0, 1],
  ])("%s", async (_, facts, installCa, audience, answer, questions, installs) => {
    const happened = await run(facts, installCa, audience, answer);
    expect([happened.questions.length, happened.installs]).toEqual([questions, installs]);
  });
});

describe("what is said", () => {
  it("is a table at a terminal, and no line of the log", async () => {
    const { printed, logged } = await run(reads, "ask", "terminal");
    expect([printed, logged]).toEqual([[outlookTable(outlookOf(reads))], []]);
  });

  it("is one line in a log", async () => {
    const { printed, logged } = await run(reads, "ask", "log");
    expect([printed, logged]).toEqual([
      [],
      ["info: Programs are read in their own TLS sessions, without a certificate."],
    ]);
  });

  it("is a warning where nobody's calls are captured", async () => {
    const { printed, logged } = await run(unread, "ask", "quiet");
    expect(printed).toEqual([]);
    expect(logged).toEqual([expect.stringMatching(/^warn: Nothing is read without a certificate/)]);
  });

  it("after --install-ca is how it is by then", async () => {
    const { printed } = await run(unread, "yes", "terminal");
    expect(printed).toEqual([
      "trusted      system    /usr/local/share/ca-certificates",
      "Running programs may need a restart.",
      outlookTable(outlookOf(trusted)),
    ]);
  });

  it("of a store that could not be changed ends nothing", async () => {
    const change: TrustChange = {
      stores: [{ store: debian, outcome: { kind: "failed", why: "its disk is full", advice: "Make room." } }],
      environmentFile: "",
    };
    const { logged } = await run(unread, "yes", "log", "", async () => change);
    expect(logged[0]).toBe(
      "warn: The trust store /usr/local/share/ca-certificates was not changed: its disk is full.",
    );
    const thrown = await run(unread, "yes", "log", "", () => Promise.reject(new Error("no CA")));
    expect(thrown.logged[0]).toBe("warn: The certificate could not be installed: no CA");
  });
});
