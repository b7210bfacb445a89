import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { requireLab } from "./require-lab.js";

const chat = ["-sS", "-d", '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}'];

describe.skipIf(requireLab())("the lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
  });
  afterAll(() => lab.close());

  it("resolves a name to a server that the machine's roots vouch for, over IPv4 and IPv6", async () => {
    const server = await lab.addServer({ names: ["api.openai.com"] });
    for (const family of ["-4", "-6"]) {
      const result = await lab.machine.exec("curl", [
        family,
        ...chat,
        "https://api.openai.com/v1/chat/completions",
      ]);
      expect(result).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(result.stdout)).toMatchObject({ choices: [{ message: { content: "Hi there!" } }] });
    }
    const requests = await server.received(2);
    expect(requests.map((request) => request.remoteAddress)).toEqual(["203.0.113.1", "2001:db8:113::1"]);
    expect(requests[0]).toMatchObject({ serverName: "api.openai.com", httpVersion: "2.0" });
  });

  it.each([
    ["expired", "certificate has expired"],
    ["self_signed", "self-signed certificate"],
    ["wrong_name", "no alternative certificate subject name matches"],
  ] as const)("serves a certificate that is %s", async (certificate, complaint) => {
    const name = `${certificate.replace("_", "-")}.example`;
    await lab.addServer({ names: [name], certificate });
    const result = await lab.machine.exec("curl", ["-sS", `https://${name}/`]);
    expect(result.code).toBe(60);
    expect(result.stderr).toContain(complaint);
  });

  it("fails at once for a name that nobody added", async () => {
    const result = await lab.machine.exec("curl", ["-sS", "https://unknown.example/"], { timeout: 3000 });
    expect(result.code).toBe(6);
  });

  it("runs commands as another user, under the pid that it reports", async () => {
    const script = 'echo "$$ $(id -u) $(id -g) $HOME $MARK"';
    const running = lab.machine.spawn("sh", ["-c", script], {
      uid: 1234,
      gid: 4321,
      env: { HOME: "/x", MARK: "m" },
    });
    expect((await running.exited).stdout).toBe(`${running.pid} 1234 4321 /x m\n`);
  });

  it("leaves nothing behind when the process that made it is killed", async () => {
    const script = `
      const { createLab } = await import(${JSON.stringify(new URL("../../lab/lab.ts", import.meta.url).href)});
      const lab = await createLab();
      lab.internet.spawn("sleep", ["1000"]);
      process.kill(process.pid, "SIGKILL");`;
    const args = ["--import", "tsx", "--input-type=module", "-e", script];
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const { pid, signal } = spawnSync("node", args, { cwd });
    expect(signal).toBe("SIGKILL");
    const left = () => readdirSync("/run/netns").filter((name) => name.startsWith(`oximy-lab-${pid}-`));
    await expect.poll(left, { timeout: 5000 }).toEqual([]);
    await expect.poll(() => existsSync(`/etc/netns/oximy-lab-${pid}-1-machine`)).toBe(false);
  });
});
