/**
 * The answer, or the result of `otherwise` when it takes longer than `ms`. An answer that is ready when the time is up
 * still counts: after the event loop was busy, timers run before pending I/O is processed.
 */
export async function withTimeout<T, L = T>(
  ms: number,
  answer: Promise<T>,
  otherwise: () => L,
): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<L>((resolve) => {
    timer = setTimeout(() => setImmediate(() => resolve(otherwise())), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
