import { describe, expect, it, test } from "vitest";
import { capturesNobody, type OutlookFacts, outlookOf } from "../../src/trust/outlook.js";
import { outlookLine, outlookTable } from "../../src/trust/outlook-table.js";
import type { Holding, StoreFacts } from "../../src/trust/predict.js";

const other: Holding = { kind: "other" };
const ours: Holding = { kind: "ours", since: 1 };
const NOWHERE: StoreFacts = { bundle: other, folder: other, java: other, chromium: other, firefox: other };
const EVERYWHERE: StoreFacts = { bundle: ours, folder: ours, java: ours, chromium: ours, firefox: ours };

const OFF = { kind: "off", why: "Linux 5.4 has no BPF ring buffer" } as const;
const fresh: OutlookFacts = {
  reading: { kind: "on" },
  interception: "predicted",
  certificate: "none",
  stores: NOWHERE,
  variables: {},
};
const unread: OutlookFacts = { ...fresh, reading: OFF };
const installed: OutlookFacts = { ...unread, certificate: "made", stores: EVERYWHERE };

const tableOf = (facts: OutlookFacts) => `\n${outlookTable(outlookOf(facts))}\n`;

describe("the table", () => {
  it("of a fresh machine whose programs are read", () => {
    expect(tableOf(fresh)).toBe(`
What is captured on this machine:
  read       Node, Bun (Claude Code), Python, Go, Codex, Deno, curl, git, Chrome and its relatives,
             Electron apps (Cursor, VS Code), Firefox: in their own TLS sessions, without a
             certificate
  seen only  Java, programs with an unknown TLS stack: they do not trust Oximy's certificate
To capture more, for programs started afterwards:
  sudo oximy ca install  Java
`);
  });

  it("where programs are read and the certificate is installed", () => {
    expect(tableOf({ ...fresh, certificate: "made", stores: EVERYWHERE })).toBe(`
What is captured on this machine:
  read        Node, Bun (Claude Code), Python, Go, Codex, Deno, curl, git, Chrome and its relatives,
              Electron apps (Cursor, VS Code), Firefox: in their own TLS sessions, without a
              certificate
  captured    Java: they trust Oximy's certificate
  tried once  programs with an unknown TLS stack: whether they trust Oximy's certificate depends on
              each program's code
`);
  });

  it("of a fresh machine where nothing can be read", () => {
    expect(tableOf(unread)).toBe(`
What is captured on this machine, where nothing is read without a certificate (Linux 5.4 has no BPF ring buffer):
  captured   none
  seen only  Node, Bun (Claude Code), Python, Go, Codex, Deno, curl, git, Chrome and its relatives,
             Electron apps (Cursor, VS Code), Firefox, Java: they do not trust Oximy's certificate
To capture more, for programs started afterwards:
  sudo oximy ca install                Bun (Claude Code), Go, Codex, curl, git, Chrome and its
                                       relatives, Firefox, Java
  sudo oximy ca install --environment  also Node, Python, Deno, Electron apps (Cursor, VS Code),
                                       from the next login on
`);
  });

  it("where nothing can be read and the certificate is installed", () => {
    expect(tableOf(installed)).toBe(`
What is captured on this machine, where nothing is read without a certificate (Linux 5.4 has no BPF ring buffer):
  captured    Bun (Claude Code), Go, Codex, curl, git, Chrome and its relatives, Firefox, Java: they
              trust Oximy's certificate
  tried once  Python, Electron apps (Cursor, VS Code): whether they trust Oximy's certificate
              depends on each program's code
  seen only   Node, Deno: they do not trust Oximy's certificate
To capture more, for programs started afterwards:
  sudo oximy ca install --environment  Node, Python, Deno, Electron apps (Cursor, VS Code), from the
                                       next login on
`);
  });

  it("where the user's sessions have the variables too: nothing is left to change", () => {
    const names = ["NODE_EXTRA_CA_CERTS", "DENO_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] as const;
    const variables = Object.fromEntries(names.map((name) => [name, ours]));
    expect(tableOf({ ...installed, variables })).toBe(`
What is captured on this machine, where nothing is read without a certificate (Linux 5.4 has no BPF ring buffer):
  captured  Node, Bun (Claude Code), Python, Go, Codex, Deno, curl, git, Chrome and its relatives,
            Electron apps (Cursor, VS Code), Firefox, Java: they trust Oximy's certificate
`);
  });

  it("with --no-read and --no-intercept has nothing to offer", () => {
    const facts = {
      ...installed,
      reading: { kind: "off", why: "--no-read was given" },
      interception: "none",
    };
    expect(tableOf(facts as OutlookFacts)).toBe(`
What is captured on this machine, where nothing is read without a certificate (--no-read was given):
  captured   none
  seen only  Node, Bun (Claude Code), Python, Go, Codex, Deno, curl, git, Chrome and its relatives,
             Electron apps (Cursor, VS Code), Firefox, Java: Oximy's certificate is not presented to
             them (--no-intercept)
`);
  });

  it("with --trust always says what that costs", () => {
    expect(tableOf({ ...unread, interception: "always" })).toBe(`
What is captured on this machine, where nothing is read without a certificate (Linux 5.4 has no BPF ring buffer):
  captured  Node, Bun (Claude Code), Python, Go, Codex, Deno, curl, git, Chrome and its relatives,
            Electron apps (Cursor, VS Code), Firefox, Java: they are presented with Oximy's
            certificate, and fail if they do not trust it (--trust always)
`);
  });
});

test.each<[string, OutlookFacts, string]>([
  ["reading", fresh, "Programs are read in their own TLS sessions, without a certificate."],
  [
    "nobody",
    unread,
    "Nothing is read without a certificate (Linux 5.4 has no BPF ring buffer), and no program trusts Oximy's yet: calls are only seen. Run: sudo oximy ca install --environment",
  ],
  [
    "some",
    { ...unread, certificate: "made", stores: { ...NOWHERE, chromium: ours } },
    "Nothing is read without a certificate (Linux 5.4 has no BPF ring buffer). Captured: Chrome and its relatives.",
  ],
  [
    "switched off",
    { ...installed, interception: "none" },
    "Nothing is read without a certificate (Linux 5.4 has no BPF ring buffer), and nothing is intercepted: calls are only seen.",
  ],
])("the line for logs: %s", (_, facts, line) => {
  expect(outlookLine(outlookOf(facts))).toBe(line);
});

test.each<[string, OutlookFacts, boolean]>([
  ["programs are read", fresh, false],
  ["nothing is read, and nobody trusts", unread, true],
  ["a certificate was made and is in no store", { ...unread, certificate: "made" }, true],
  ["one store has it", { ...unread, certificate: "made", stores: { ...NOWHERE, firefox: ours } }, false],
  [
    "a store cannot be read",
    { ...unread, certificate: "made", stores: { ...NOWHERE, bundle: { kind: "unknown" } } },
    false,
  ],
  ["a store has it, but nobody is shown it", { ...installed, interception: "none" }, true],
  ["everybody is shown it", { ...unread, interception: "always" }, false],
])("whether nobody's calls are captured: %s", (_, facts, nobody) => {
  expect(capturesNobody(outlookOf(facts))).toBe(nobody);
});
