/**
 * The answer, or what `otherwise` says when it takes longer than `ms`. An answer that lies ready when the time is up still
 * counts: timers come first after the event loop was busy, before what arrived meanwhile is looked at.
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
