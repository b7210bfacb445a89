import { defineConfig } from "vitest/config";

/** Tests of whole machines: networks, processes and users that the kernel takes its time with. */
const LAB = ["test/lab/**/*.test.ts", "test/redirect/**/*.test.ts", "test/trust/**/*.test.ts"];

/** Tests with bounds of time, memory or lost connections: they run when no other test does. */
const ALONE = [
  // Each captures every container of the machine: two of them would take each other's.
  "test/lab/container*.test.ts",
  "test/lab/podman.test.ts",
  "test/lab/rootless.test.ts",
  "test/lab/attribution.test.ts",
  "test/lab/fidelity-load.test.ts",
  "test/lab/reading-load.test.ts",
  "test/lab/reading.test.ts",
];

const project = {
  testTimeout: 20_000,
  hookTimeout: 60_000,
  setupFiles: "./test/outputs-of-file.ts",
  pool: "forks",
  // What a test waits for may take almost as long as the test: a second, as Vitest has it, is little on a busy machine.
  expect: { poll: { timeout: 15_000 } },
} as const;

/** Limits of time and memory are those of a machine that does nothing else; CI's may do. No other test is tried again. */
const machine = { ...project, retry: process.env.CI ? 2 : 0 } as const;

/** Both at once, two files at a time in all. */
const together = { maxWorkers: 2, sequence: { groupOrder: 0 } } as const;

export default defineConfig({
  test: {
    globalSetup: ["./test/outputs-of-run.ts", "./test/open-to-others.ts"],
    reporters: ["default", "./test/plain-reporter.ts"],
    projects: [
      {
        test: {
          ...project,
          ...together,
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...LAB, ...ALONE],
        },
      },
      { test: { ...machine, ...together, name: "lab", include: LAB, exclude: ALONE } },
      {
        test: { ...machine, name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
