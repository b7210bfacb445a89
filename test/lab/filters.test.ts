import { chmodSync, copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

describe.skipIf(requireLab())("app filters", () => {
  let lab: Lab;
  let oximy: LabOximy | undefined;
  let cursor: string;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
    await lab.addServer({ names: ["www.example.org"] });
    const folder = join(lab.dir, "app");
    mkdirSync(folder, { recursive: true });
    cursor = join(folder, "cursor");
    copyFileSync(realpathSync("/usr/bin/curl"), cursor);
    chmodSync(cursor, 0o755);
  });
  afterEach(async () => {
    await oximy?.stop();
    oximy = undefined;
  });
  afterAll(() => lab?.close());

  /** Who a client sees: the server itself, or us. */
  const seenBy = async (binary: string, options: { uid?: number; host?: string } = {}) => {
    const { host = "api.openai.com", uid } = options;
    const { stderr } = await lab.machine.exec(
      binary,
      ["-sSkv", `https://${host}/v1/models`],
      uid ? { uid } : {},
    );
    return /issuer:.*Oximy CA/.test(stderr) ? "oximy" : /issuer:/.test(stderr) ? "server" : stderr;
  };
  const start = async (...args: string[]) => {
    // Who is selected is asked here, not who trusts us.
    oximy = await LabOximy.start(lab, ["--trust", "always", ...args]);
    return oximy;
  };

  it.each([
    ["its id", ["--app", "cursor"]],
    ["its name", ["--app", "Cursor"]],
    ["its path", ["--app", "path:**/app/cursor"]],
  ])("--app decrypts only what that app sends, named by %s", async (_name, args) => {
    const { events } = await start(...args);
    expect(events).toEqual([]);
    expect(await seenBy(cursor)).toBe("oximy");
    expect(await seenBy("curl")).toBe("server");
    const captured = await oximy!.captured(1);
    expect(captured.map((event) => event.app?.id)).toEqual(["cursor"]);
  });

  it("--exclude-app leaves that app alone, and only that", async () => {
    await start("--exclude-app", "cursor");
    expect(await seenBy(cursor)).toBe("server");
    expect(await seenBy("curl")).toBe("oximy");
  });

  it("terms apply in turn", async () => {
    await start("--app", "curl", "--app", "cursor", "--exclude-app", "cursor");
    expect(await seenBy(cursor)).toBe("server");
    expect(await seenBy("curl")).toBe("oximy");
  });

  it("--user selects by the process's user", async () => {
    await start("--user", "34567");
    expect(await seenBy("curl", { uid: 34_567 })).toBe("oximy");
    expect(await seenBy("curl", { uid: 34_568 })).toBe("server");
  });

  it("pid: selects a process and what it starts", async () => {
    const shell = lab.machine.spawn("sh", [
      "-c",
      "read go; curl -sSkv https://api.openai.com/v1/models; true",
    ]);
    await start("--app", `pid:${shell.pid}`);
    expect(await seenBy("curl")).toBe("server");
    shell.child.stdin.end("go\n");
    expect((await shell.exited).stderr).toMatch(/issuer:.*Oximy CA/);
  });

  it("--all-hosts decrypts every host of the named apps, and of no other", async () => {
    await start("--app", "cursor", "--all-hosts");
    expect(await seenBy(cursor, { host: "www.example.org" })).toBe("oximy");
    expect(await seenBy("curl", { host: "www.example.org" })).toBe("server");
    const [event] = await oximy!.captured(1);
    expect(event).toMatchObject({
      trace_level: "identifiable",
      metadata: { request_host: "www.example.org" },
    });
  });

  it("warns of a term that matches nothing, and names what is near", async () => {
    await start("--app", "cursr");
    expect(oximy!.process.stderr).toMatch(/cursr.*Did you mean.*cursor/);
  });
});
