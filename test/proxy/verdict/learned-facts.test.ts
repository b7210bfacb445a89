import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LearnedFacts, type LearnedTrust } from "../../../src/proxy/verdict/learned-facts.js";
import { ServerFacts } from "../../../src/proxy/verdict/server-facts.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { client, factsFile, program } from "../trust-rig.js";

const fact = (fields: Partial<LearnedTrust> = {}): LearnedTrust => ({
  program: "a",
  name: "agent",
  outcome: "refused",
  inputs: "e",
  host: "api.openai.com",
  advice: "set it",
  until: Date.now() + 60_000,
  ...fields,
});

describe("learned facts", () => {
  it("are kept in a file for its owner only, and read by the next run", () => {
    const file = factsFile();
    new LearnedFacts(file).learnProgram(fact());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(new LearnedFacts(file).program("a")).toEqual(fact({ until: expect.any(Number) as number }));
  });

  it("are forgotten when another process clears the file, within a second", () => {
    const file = factsFile();
    let time = Date.now();
    const facts = new LearnedFacts(file, () => time);
    facts.learnProgram(fact());
    new LearnedFacts(file).clear();
    time += 1_001;
    expect(facts.program("a")).toBeUndefined();
  });

  it("stay in memory when the file is out of reach, which its list says", () => {
    const folder = temporaryFolder();
    symlinkSync("itself", join(folder, "itself"));
    const facts = new LearnedFacts(join(folder, "itself", "pins.json"));
    facts.learnProgram(fact());
    expect(facts.program("a")?.outcome).toBe("refused");
    expect(() => facts.list()).toThrow(/ELOOP/);
  });

  it.each([
    "null",
    "[]",
    "{",
    '{"programs":[null,1,{"program":"a"}],"servers":"x"}',
    '[{"app":"cursor","host":"api.openai.com","until":9999999999999}]',
  ])("that make no sense are none: %s", (text) => {
    const file = factsFile();
    writeFileSync(file, text);
    expect(new LearnedFacts(file).list()).toEqual({ programs: [], servers: [] });
  });

  it("are bounded", () => {
    const file = factsFile();
    const programs = Array.from({ length: 5_000 }, (_, index) => fact({ program: String(index) }));
    writeFileSync(file, JSON.stringify({ programs, servers: [] }));
    const facts = new LearnedFacts(file);
    facts.learnProgram(fact({ program: "new" }));
    expect((JSON.parse(readFileSync(file, "utf8")) as { programs: unknown[] }).programs).toHaveLength(2_000);
    expect(facts.program("new")).toBeDefined();
  });
});

describe("a server that asks for a client certificate", () => {
  const server = { address: "192.0.2.1", port: 443 };
  const ana = client(1, program("curl"));
  const user = (uid: number) =>
    ({ owner: { kind: "process", process: { pid: 2, uid }, ancestors: [] } }) as const;

  it("is remembered for that user, host and address, for an hour", () => {
    let time = Date.now();
    const servers = new ServerFacts(new LearnedFacts(factsFile(), () => time), () => time);
    servers.learn(ana, "api.openai.com", server);
    expect(servers.asksForCertificate(ana, "api.openai.com", server)).toBe(true);
    expect(servers.asksForCertificate(user(1001), "api.openai.com", server)).toBe(false);
    expect(servers.asksForCertificate(ana, "api.openai.com", { ...server, address: "192.0.2.2" })).toBe(
      false,
    );
    expect(servers.asksForCertificate(ana, "api.anthropic.com", server)).toBe(false);
    time += 3_600_001;
    expect(servers.asksForCertificate(ana, "api.openai.com", server)).toBe(false);
  });

  it("is not remembered for a user who is not known", () => {
    const servers = new ServerFacts(new LearnedFacts(factsFile()));
    const unknown = { owner: { kind: "unknown", reason: "no_socket" } } as const;
    servers.learn(unknown, "api.openai.com", server);
    expect(servers.asksForCertificate(unknown, "api.openai.com", server)).toBe(false);
  });
});
