import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ContainerState } from "../../../src/supervisor/containers/held-container.js";
import { StatesFile, statesNow } from "../../../src/supervisor/containers/states-file.js";
import { temporaryFolder } from "../../temporary-folder.js";

const STATES: ContainerState[] = [
  { space: "net:[8]", container: { runtime: "docker", id: "a1".repeat(32) }, state: "captured", unseen: 0 },
];
const running = (pid: number) => (pid === 20 ? 7 : undefined);

test("what a capture wrote is read for as long as it runs", () => {
  const folder = temporaryFolder();
  const file = new StatesFile(folder, { pid: 20, startTime: 7 });
  expect(statesNow(folder, running)).toBe("none");
  file.write([]);
  file.write(STATES);
  expect(statesNow(folder, running)).toEqual(STATES);
  expect(statSync(join(folder, "containers.json")).mode & 0o777).toBe(0o600);
  file.remove();
  file.remove();
  expect(statesNow(folder, running)).toBe("none");
});

test.each<[string, (pid: number) => number | undefined]>([
  ["has ended", () => undefined],
  ["has ended, and its number is another's", () => 8],
])("what one wrote that %s counts for nothing", (_, startTimeOf) => {
  const folder = temporaryFolder();
  new StatesFile(folder, { pid: 20, startTime: 7 }).write(STATES);
  expect(statesNow(folder, startTimeOf)).toBe("none");
});

test("what cannot be read is not made up", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "containers.json"), "{");
  expect(statesNow(folder, running)).toBe("secret");
});
