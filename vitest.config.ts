import { defineConfig } from "vitest/config";

/** Tests with bounds of time, memory or lost connections: they run when no other test does. */
const ALONE = [
  // While it runs, the kernel changes no rules of anybody else whose change waits for the same network.
  "test/lab/container-slow-rules.test.ts",
  "test/lab/attribution.test.ts",
  "test/lab/fidelity-load.test.ts",
  "test/lab/reading-load.test.ts",
  "test/lab/reading.test.ts",
];

const project = {
  testTimeout: 20_000,
  hookTimeout: 60_000,
  setupFiles: "./test/outputs-of-file.ts",
  // Limits of time and memory are those of a machine that does nothing else; CI's may do.
  retry: process.env.CI ? 2 : 0,
  pool: "forks",
} as const;

export default defineConfig({
  test: {
    globalSetup: ["./test/outputs-of-run.ts", "./test/open-to-others.ts"],
    reporters: ["default", "./test/plain-reporter.ts"],
    projects: [
      {
        test: {
          ...project,
          name: "beside",
          include: ["test/**/*.test.ts"],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: { ...project, name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
