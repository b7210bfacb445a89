import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openJsonlSink } from "../../src/sinks/jsonl.js";
import { temporaryFolder } from "../temporary-folder.js";
import { sampleEvent } from "./sample-event.js";

/** Each costs the start of a process: OXIMY_TEST_KILLS=200 for the full proof. */
const KILLS = Number(process.env.OXIMY_TEST_KILLS ?? 8);
const WRITER = fileURLToPath(new URL("./write-until-killed.ts", import.meta.url));

/** Kills the writer when it has written `events` events; resolves to the number that it said it wrote. */
async function writeAndKill(folder: string, events: number): Promise<number> {
  const writer = spawn(process.execPath, ["--import", "tsx", WRITER, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = 0;
  writer.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString().split("\n").length - 1;
    if (said >= events) writer.kill("SIGKILL");
  });
  await once(writer, "close");
  expect(writer.signalCode).toBe("SIGKILL");
  return said;
}

function linesOf(folder: string): string[] {
  const [name = ""] = readdirSync(folder);
  return readFileSync(join(folder, name), "utf8").split("\n");
}

test(
  `killed in the middle of writing, ${KILLS} times: only the last line can be torn, and the next start goes on`,
  async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const folder = temporaryFolder();
      const said = await writeAndKill(folder, 1 + (kill % 50));
      const lines = linesOf(folder);
      const torn = lines.pop();
      lines.forEach((line, n) => {
        expect(JSON.parse(line).event_id).toBe(String(n));
      });
      expect(lines.length).toBeGreaterThanOrEqual(said);

      const sink = openJsonlSink({ folder });
      sink.write(sampleEvent({ event_id: "next" }));
      await sink.close();
      const after = linesOf(folder).slice(lines.length);
      expect(after.slice(0, -2)).toEqual(torn === "" ? [] : [torn]);
      expect(JSON.parse(after.at(-2) ?? "").event_id).toBe("next");
      expect(after.at(-1)).toBe("");
    }
  },
  20_000 + KILLS * 3000,
);
