import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with plain lines: what passed after a retry, and how much passed, failed and was skipped. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== "pending") counts[state]++;
        const retries = test.diagnostic()?.retryCount ?? 0;
        if (state === "passed" && retries > 0) {
          console.log(`passed after ${retries} retries: ${module.relativeModuleId} > ${test.fullName}`);
        }
      }
    }
    const failedFiles = modules.filter(
      (module) => module.state() === "failed" && module.children.size === 0,
    ).length;
    console.log(`${counts.passed} passed, ${counts.failed + failedFiles} failed, ${counts.skipped} skipped`);
  }
}
