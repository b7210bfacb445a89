import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    globalSetup: ["./test/outputs-of-run.ts", "./test/open-to-others.ts"],
    setupFiles: "./test/outputs-of-file.ts",
    reporters: ["default", "./test/plain-reporter.ts"],
    // Limits of time and memory are those of a machine that does nothing else; CI's may do.
    retry: process.env.CI ? 2 : 0,
    pool: "forks",
    maxWorkers: 2,
  },
});
