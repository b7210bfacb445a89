import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ECHO, EchoLab } from "./echo-lab.js";
import { PROJECT } from "./oximy.js";
import { requireLab } from "./require-lab.js";

/** Sizes that fit a test run; with OXIMY_FULL=1 those that a release is measured with. */
const FULL = process.env.OXIMY_FULL === "1";
const MIB = 1 << 20;
const LONG = FULL ? 900_000 : 60_000;

/** Figures for the reader of a run. */
const report = (what: string, figure: string | undefined) => console.log(`${what}: ${figure}`);

describe.skipIf(requireLab())("under load", () => {
  let echo: EchoLab;
  beforeAll(async () => {
    echo = await EchoLab.start();
  });
  afterAll(() => echo?.close());

  /** Lines of the event files. */
  const written = () => {
    const folder = join(echo.oximy.home, "traces");
    return readdirSync(folder).flatMap((file) =>
      readFileSync(join(folder, file), "latin1").split("\n").slice(0, -1),
    );
  };

  function residentBytes(): number {
    const status = readFileSync(`/proc/${echo.oximy.proxyPid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) << 10;
  }

  describe("memory", () => {
    const [size, rate] = FULL ? [1024 * MIB, 5 * MIB] : [160 * MIB, 40 * MIB];
    const download = `https://${ECHO}/download/`;

    // What the first transfer of a process needs once (compiled code, buffers) is not what grows.
    beforeAll(() => echo.run("through", "curl", ["-sS", "-o", "/dev/null", `${download}${32 * MIB}`]));

    async function growthDuring(work: () => Promise<void>): Promise<number> {
      const before = residentBytes();
      let most = before;
      const watch = setInterval(() => {
        most = Math.max(most, residentBytes());
      }, 50);
      await work().finally(() => clearInterval(watch));
      return Math.max(most, residentBytes()) - before;
    }

    it(
      "does not grow with a download that is read slowly",
      async () => {
        const args = ["-sS", "--limit-rate", String(rate), "-o", "/dev/null", "-w", "%{size_download}"];
        const growth = await growthDuring(async () => {
          const { stdout } = await echo.run("through", "curl", [...args, `${download}${size}`], {
            timeout: LONG,
          });
          expect(stdout).toBe(String(size));
        });
        report("download", `${growth >> 10} KiB more`);
        expect(growth).toBeLessThan(32 * MIB);
      },
      LONG,
    );

    it(
      "does not grow with an upload that is read slowly",
      async () => {
        const file = join(echo.lab.dir, "upload");
        writeFileSync(file, "");
        truncateSync(file, size);
        const args = ["-sS", "-T", file, `https://${ECHO}/upload/${rate}`];
        const growth = await growthDuring(async () => {
          const { stdout } = await echo.run("through", "curl", args, { timeout: LONG });
          expect(JSON.parse(stdout)).toMatchObject({ bytes: size });
        });
        report("upload", `${growth >> 10} KiB more`);
        expect(growth).toBeLessThan(32 * MIB);
      },
      LONG,
    );

    it(
      "is less than 80 KiB for each idle connection",
      async () => {
        const total = FULL ? 5_000 : 2_500;
        const before = residentBytes();
        const env = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };
        const args = ["test/lab/clients/idle-connections.mjs", ECHO, String(total)];
        const client = echo.lab.machine.spawn("node", args, { env, cwd: PROJECT });
        await client.printed(/open/);
        const each = (residentBytes() - before) / total;
        report(`${total} idle connections`, `${(each / 1024).toFixed(1)} KiB each`);
        client.child.stdin.end();
        expect((await client.exited).stdout).toBe("open\n");
        expect(each).toBeLessThan(80 << 10);
      },
      LONG,
    );
  });

  it(
    "h2load gets every answer, and every request is an event",
    async () => {
      const requests = FULL ? 100_000 : 10_000;
      const before = written().length;
      const result = () => {
        // Connections of tests before this one may be told of meanwhile.
        const lines = written()
          .slice(before)
          .filter((line) => line.includes('"name":"h2load"'));
        const unread = lines.flatMap((line) => /"reason":"(\w+)"/.exec(line)?.[1] ?? []);
        return { chats: lines.filter((line) => line.includes('"/v1/chat/completions"')).length, unread };
      };
      const body = join(echo.lab.dir, "body.json");
      writeFileSync(body, JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] }));
      const load = ["-n", String(requests), "-c", "100", "-m", "10", "-d", body];
      const args = [...load, "-H", "content-type: application/json", `https://${ECHO}/v1/chat/completions`];
      const { stdout } = await echo.run("through", "h2load", args, { timeout: LONG });
      expect(stdout).toContain(`${requests} succeeded, 0 failed, 0 errored, 0 timeout`);
      report("h2load", /finished in .*/.exec(stdout)?.[0]);
      await expect.poll(result, { timeout: LONG, interval: 1_000 }).toEqual({ chats: requests, unread: [] });
    },
    2 * LONG,
  );

  it.each([1, 32])(
    "%i event streams at once bring each event before the next is sent",
    async (streams) => {
      const args = ["test/lab/clients/lockstep.mjs", ECHO, String(streams), "200"];
      const { stdout, stderr } = await echo.run("through", "node", args, { timeout: LONG });
      expect({ stdout, stderr }).toEqual({ stdout: `${streams * 200}\n`, stderr: "" });
    },
    LONG,
  );
});
