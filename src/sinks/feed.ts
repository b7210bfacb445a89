/** The live feed: one line per event for a person at a terminal. */

import type { OximyEvent } from "../event/event.js";
import { printable, shortened } from "../terminal.js";
import { localClock } from "./traces-folder.js";

export interface FeedStyle {
  readonly colour: "ansi" | "none";
}

const WHO_WIDTH = 18;
const WHAT_WIDTH = 30;

type Paint = (text: string) => string;

/** ANSI SGR codes (ECMA-48 §8.3.117). */
function painter(colour: FeedStyle["colour"], code: number): Paint {
  return (text) => (colour === "none" || text === "" ? text : `\x1b[${code}m${text}\x1b[0m`);
}

/** Local time, app or process, provider and model, tokens, time, status; what is not known is left out. */
export function feedLine(event: OximyEvent, { colour }: FeedStyle): string {
  const dim = painter(colour, 2);
  const status = event.metadata.response_status;
  const failed = event.metadata.error !== undefined || (status !== undefined && status >= 400);
  const parts = [
    dim(localClock(new Date(event.timestamp))),
    painter(colour, 1)(fit(printable(whoOf(event)), WHO_WIDTH)),
    painter(colour, 36)(fit(printable(whatOf(event)), WHAT_WIDTH)),
    ...(event.interaction === undefined ? [] : [tokensOf(event)]),
    dim(durationOf(event)),
    painter(colour, failed ? 31 : 32)(outcomeOf(event)),
    ...(event.interaction?.cost_usd === undefined ? [] : [dim(`~$${money(event.interaction.cost_usd)}`)]),
    ...(event.metadata.reason === undefined
      ? []
      : [painter(colour, 33)(`(${printable(event.metadata.reason)})`)]),
  ];
  return parts
    .filter((part) => part !== "")
    .join("  ")
    .trimEnd();
}

function whoOf({ app, client }: OximyEvent): string {
  if (app !== undefined) return app.name;
  if (client.name === undefined) return "unknown";
  return client.pid === undefined ? client.name : `${client.name} (${client.pid})`;
}

function whatOf({ source, interaction }: OximyEvent): string {
  const model = interaction?.model ?? interaction?.request.model;
  return model == null ? source.id : `${source.id}/${model}`;
}

function tokensOf({ interaction }: OximyEvent): string {
  const usage = interaction?.response?.usage;
  if (usage?.input_tokens === undefined && usage?.output_tokens === undefined) return "";
  return `${usage.input_tokens ?? "?"} in ${usage.output_tokens ?? "?"} out`;
}

function durationOf({ timing }: OximyEvent): string {
  const milliseconds = timing.duration_ms;
  if (milliseconds === undefined) return "";
  return milliseconds < 10_000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

function outcomeOf({ metadata }: OximyEvent): string {
  return printable([metadata.response_status?.toString(), metadata.error].filter(Boolean).join(" "));
}

/** At least two digits that say something: calls cost from millionths to dollars. */
export function money(usd: number): string {
  if (usd === 0) return "0";
  return usd >= 1 ? usd.toFixed(2) : usd.toFixed(Math.min(8, 1 - Math.floor(Math.log10(usd))));
}

function fit(text: string, width: number): string {
  return [...text].length > width ? shortened(text, width) : text.padEnd(width);
}
