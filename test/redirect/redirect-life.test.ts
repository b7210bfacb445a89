import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { requireLab } from "../lab/require-lab.js";
import { INTERNET, OPTIONS, RedirectLab } from "./redirect-lab.js";

const IN_TIME = { timeout: 20_000, interval: 50 };
/** Each step is several processes, which a busy machine begins late. */
const TEST_MS = 90_000;

/** What must outlive the rules, what must not, and who may end whom. */
describe.skipIf(requireLab())("the life of the redirect", { timeout: TEST_MS }, () => {
  let redirect: RedirectLab;
  beforeAll(async () => {
    redirect = await RedirectLab.create();
  });
  afterAll(() => redirect.lab.close());
  afterEach(async () => {
    expect(await redirect.script(["cleanup", "--all"])).toMatchObject({ code: 0, stderr: "" });
  });
  const ofUs = async (): Promise<string[]> => (await redirect.ruleset()).match(/oximy\w*/gi) ?? [];
  const flush = () => redirect.machine.exec("nft", ["flush", "ruleset"]);

  describe.each(["nft", "iptables"])("with %s", (backend) => {
    it("leaves nothing when it ends, and no connection of ours is open", async () => {
      const holder = await redirect.hold("--backend", backend);
      expect(await redirect.whoAnswers("203.0.113.2", 443)).toBe("listener");
      await redirect.release(holder);
      await expect.poll(ofUs, IN_TIME).toEqual([]);
    });

    it.each([
      ["its input ends", (holder: { child: { stdin: { end(): void } } }) => holder.child.stdin.end()],
      ["it is killed", (holder: { kill(signal: "SIGKILL"): void }) => holder.kill("SIGKILL")],
    ] as const)(
      "keeps what live connections need when %s, until the last of them ends, also through a flush of all rules",
      async (_, end) => {
        const holder = await redirect.hold("--backend", backend);
        const open = await Promise.all(INTERNET.map(([, host]) => redirect.connect(host, 443)));
        await flush();
        for (const connection of open) await redirect.goesOn(connection, "flushed");
        end(holder);
        await expect.poll(() => redirect.status(), IN_TIME).toBe("not installed");
        await flush();
        for (const connection of open) await redirect.goesOn(connection, "over");
        expect(await redirect.script(["cleanup"])).toMatchObject({ code: 0 });
        for (const connection of open) await redirect.goesOn(connection, "cleaned");
        expect(await ofUs()).toContain("oximy_keep");
        for (const { client } of open) await client.stop();
        await expect.poll(ofUs, IN_TIME).toEqual([]);
      },
    );

    it("keeps the connections of two runs apart", async () => {
      const first = await redirect.hold("--backend", backend);
      const old = await redirect.connect("203.0.113.2", 443);
      await redirect.release(first);
      const second = await redirect.hold("--backend", backend);
      await redirect.goesOn(old, "second");
      expect(await redirect.whoAnswers("203.0.113.2", 443)).toBe("listener");
      await redirect.release(second);
      await redirect.goesOn(old, "over");
      await old.client.stop();
      await expect.poll(ofUs, IN_TIME).toEqual([]);
    });

    it("makes another keeper when its own is killed", async () => {
      await redirect.hold("--backend", backend);
      const open = await redirect.connect("203.0.113.2", 443);
      const [file] = keepFiles();
      process.kill(Number(file!.split("-").at(-1)), "SIGKILL");
      await expect.poll(() => keepFiles().filter((name) => name !== file).length, IN_TIME).toBe(1);
      await expect.poll(async () => (await ofUs()).includes("oximy_keep"), IN_TIME).toBe(true);
      await redirect.goesOn(open, "still");
      // Cut off by the cleanup, it would be a live connection of the listener for ever.
      await open.client.stop();
    });

    it("is not hindered by another user's process that looks like its own, and leaves it alive", async () => {
      const dir = join(redirect.lab.dir, `lookalike-${backend}`);
      mkdirSync(dir);
      const script = join(dir, "redirect-linux.sh");
      writeFileSync(script, "echo waiting\nread -r _\necho untouched\n");
      const lookalike = redirect.machine.spawn("sh", [script, "hold"], { uid: 1234 });
      await lookalike.printed(/waiting/);
      const holder = await redirect.hold("--backend", backend);
      expect(await redirect.script(["cleanup"])).toMatchObject({ code: 0 });
      await holder.exited;
      lookalike.child.stdin.end("\n");
      expect(await lookalike.exited).toMatchObject({ code: 0, stdout: "waiting\nuntouched\n" });
    });

    it("tells who asked for it", async () => {
      expect(await redirect.script(["holder"])).toEqual({ code: 1, stdout: "", stderr: "" });
      await redirect.hold("--backend", backend);
      expect(await redirect.script(["holder"])).toEqual({ code: 0, stdout: `${process.pid}\n`, stderr: "" });
      expect(await redirect.script(["hold", ...OPTIONS])).toMatchObject({ code: 1 });
    });
  });

  it("comes back after another program flushed the rules of iptables, and says so", async () => {
    const holder = await redirect.hold("--backend", "iptables");
    const before = await redirect.machine.exec("iptables-save", ["-t", "nat"]);
    await flush();
    await expect.poll(() => redirect.status(), IN_TIME).toBe("installed iptables");
    await expect
      .poll(() => holder.stderr, IN_TIME)
      .toMatch(/^(oximy-redirect: another program removed the rules; they are back\n){2}$/);
    for (const [, host] of INTERNET) expect(await redirect.whoAnswers(host, 443)).toBe("listener");
    const rules = (text: string) => text.split("\n").filter((line) => line.startsWith("-A"));
    const after = await redirect.machine.exec("iptables-save", ["-t", "nat"]);
    expect(rules(after.stdout)).toEqual(rules(before.stdout));
    await redirect.release(holder);
    await expect.poll(ofUs, IN_TIME).toEqual([]);
  });

  it("replaces the table that an older version left", async () => {
    await redirect.machine.exec("nft", ["add table inet oximy_keep; add chain inet oximy_keep keep"]);
    const holder = await redirect.hold("--backend", "nft");
    await redirect.release(holder);
    await expect.poll(ofUs, IN_TIME).toEqual([]);
    await redirect.machine.exec("nft", ["add table inet oximy_keep"]);
    expect(await redirect.script(["cleanup"])).toMatchObject({ code: 0 });
    expect(await ofUs()).toEqual([]);
  });
});

/** Files about the keepers of any namespace; the tests of one file run one after the other. */
const keepFiles = () => readdirSync("/run/oximy").filter((name) => name.startsWith("keep-"));
