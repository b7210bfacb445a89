import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "./temporary-folder.js";

// As a user of the package gets it: built.
const { OximyError, startCapture } = (await import(
  new URL("../dist/index.js", import.meta.url).href
)) as typeof import("../src/index.js");
const bundleFile = fileURLToPath(new URL("../data/oisp-bundle.json", import.meta.url));

let home: string;
beforeEach(() => {
  home = temporaryFolder();
});

describe("the library", () => {
  it("captures what is sent through its proxy and hands the events over", async () => {
    const server = createServer((_request, response) =>
      response.end('{"message":{"content":"Hi"},"done":true}'),
    );
    server.listen(11_434, "127.0.0.1");
    const failed = once(server, "error").then(() => "taken");
    // The bundle knows Ollama on its own port only; where that is in use, this test has nothing to show.
    if ((await Promise.race([once(server, "listening"), failed])) === "taken") return;
    const events: unknown[] = [];
    const capture = await startCapture({
      home,
      bundleFile,
      outputDir: join(home, "out"),
      onEvent: (e) => events.push(e),
    });
    const { port } = server.address() as AddressInfo;
    await promisify(execFile)("curl", [
      ...[
        "-sS",
        "-x",
        `http://127.0.0.1:${capture.port}`,
        "--noproxy",
        "",
        "-H",
        "content-type: application/json",
      ],
      ...["-d", '{"model":"llama3","stream":false,"messages":[{"role":"user","content":"Hello"}]}'],
      `http://127.0.0.1:${port}/api/chat`,
    ]);
    await capture.flush();
    await capture.stop();
    server.close();
    expect(events).toMatchObject([
      { source: { id: "ollama" }, interaction: { response: { content: "Hi" } } },
    ]);
    const [file] = readdirSync(capture.outputDir);
    expect(JSON.parse(readFileSync(join(capture.outputDir, file!), "utf8"))).toEqual(events[0]);
  });

  it("throws errors with a code, and leaves nothing running", async () => {
    const start = startCapture({ home, bundleFile: join(home, "missing.json") });
    await expect(start).rejects.toBeInstanceOf(OximyError);
    await expect(start).rejects.toMatchObject({ code: "OXIMY_E_BUNDLE_UNREADABLE" });
  });
});
