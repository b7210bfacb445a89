import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with one plain line: what passed, failed and was skipped. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== "pending") counts[state]++;
      }
    }
    const failedFiles = modules.filter(
      (module) => module.state() === "failed" && module.children.size === 0,
    ).length;
    console.log(`${counts.passed} passed, ${counts.failed + failedFiles} failed, ${counts.skipped} skipped`);
  }
}
