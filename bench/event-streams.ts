/**
 * How much later an event of a stream comes through `oximy local` than without it, in the lab (Linux, root):
 *
 *   npm run build && node --import tsx bench/event-streams.ts [rounds]
 *
 * Streams of 200 events, 5 ms apart; medians of all events of a round, direct and through us in turn.
 */
import { fileURLToPath } from "node:url";
import { ECHO, EchoLab, type Way } from "../test/lab/echo-lab.js";

const client = fileURLToPath(new URL("event-streams-client.mjs", import.meta.url));
const rounds = Number(process.argv[2] ?? 5);
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const ms = (value: number) => value.toFixed(2);

const echo = await EchoLab.start();
try {
  /** Milliseconds that an event was under way, in the median. */
  const lateness = async (way: Way, streams: number) => {
    const { stdout } = await echo.run(way, "node", [client, ECHO, String(streams)]);
    return median(JSON.parse(stdout) as number[]);
  };
  console.log("| streams at once | direct: ms late | through us: ms late | ms more |\n|---|---|---|---|");
  for (const streams of [1, 8, 32]) {
    const [direct, through]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      direct.push(await lateness("direct", streams));
      through.push(await lateness("through", streams));
    }
    const [without, withUs] = [median(direct), median(through)];
    console.log(`| ${streams} | ${ms(without)} | ${ms(withUs)} | ${ms(withUs - without)} |`);
  }
} finally {
  await echo.close();
}
