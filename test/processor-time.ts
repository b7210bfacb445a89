/**
 * Milliseconds of processor time that this process spends while `work` runs, with what the garbage collector does beside
 * it. For bounds that tell linear work from worse: time on the wall is also that of whatever else the machine does.
 */
export function processorMsOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
