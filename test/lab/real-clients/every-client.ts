import type { CallResult, Circumstances, ClientsLab, Seat } from "./clients-lab.js";

/** Rows that run side by side; two cores do not make more of them faster. */
const AT_ONCE = 3;

/** Makes `calls` calls of each row, one after the other, and gives them by the name of the row. */
export async function callAll(
  lab: ClientsLab,
  calls: number,
  circumstances: (seat: Seat) => Circumstances = () => ({}),
  atOnce = AT_ONCE,
): Promise<ReadonlyMap<string, readonly CallResult[]>> {
  const results = new Map<string, CallResult[]>();
  const waiting = [...lab.seats];
  const work = async () => {
    for (let seat = waiting.shift(); seat !== undefined; seat = waiting.shift()) {
      const made: CallResult[] = [];
      for (let call = 0; call < calls; call++) made.push(await lab.call(seat, circumstances(seat)));
      results.set(seat.client.name, made);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
