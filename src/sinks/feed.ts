/** The live feed: one line per event, for reading at a terminal. */

import type { OximyEvent } from "../event/event.js";
import { askedOf } from "../event/facts.js";
import { isFailed } from "../event/outcome.js";
import { printable, shortened } from "../terminal.js";
import { localClock } from "./traces-folder.js";

export interface FeedStyle {
  readonly colour: "ansi" | "none";
  /** Columns of the terminal, to which a line is fitted; without it a line has all fields. */
  readonly width?: number;
}

const WHO_WIDTH = 18;
const WHAT_WIDTH = 30;

type Paint = (text: string) => string;

/** ANSI SGR codes (ECMA-48 §8.3.117); 0 is none. */
export function painter(colour: FeedStyle["colour"], code: number | string): Paint {
  return (text) => (colour === "none" || code === 0 || text === "" ? text : `\x1b[${code}m${text}\x1b[0m`);
}

/** Bold and bright colours, legible on dark and light backgrounds; none of them means an error. */
const APP_COLOURS = ["1;32", "1;33", "1;34", "1;35", "1;36", "1;94", "1;95", "1;96"] as const;

/** An app has the same colour in every line and every run. */
export function colourOf(app: string): string {
  let hash = 0;
  for (let at = 0; at < app.length; at += 1) hash = (hash * 31 + app.charCodeAt(at)) >>> 0;
  return APP_COLOURS[hash % APP_COLOURS.length]!;
}

/** Local time, app or process, provider and model, tokens, duration, status; unknown fields are omitted. */
export function feedLine(event: OximyEvent, { colour, width }: FeedStyle): string {
  if (width !== undefined) return columnLine(event, colour, width);
  const dim = painter(colour, 2);
  const parts = [
    dim(localClock(new Date(event.timestamp))),
    painter(colour, colourOf(whoOf(event)))(fit(printable(whoOf(event)), WHO_WIDTH)),
    painter(colour, 36)(fit(printable(whatOf(event)), WHAT_WIDTH)),
    ...(event.interaction === undefined ? [] : [tokensOf(event)]),
    dim(durationOf(event)),
    painter(colour, isFailed(event) ? 31 : 32)(outcomeOf(event)),
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

/** Aligned columns, fewer of them on narrow terminals. */
function columnLine(event: OximyEvent, colour: FeedStyle["colour"], width: number): string {
  const { interaction, metadata } = event;
  const usage = interaction?.response?.usage;
  const tokens = (count: number | undefined, unit: string) => (count === undefined ? "" : `${count} ${unit}`);
  const isWide = width >= 90;
  const names = isWide ? width - 60 : width - 38;
  const who = Math.max(6, Math.min(isWide ? WHO_WIDTH : 14, Math.floor(names * 0.4)));
  const what = Math.max(8, Math.min(WHAT_WIDTH, Math.floor(names * 0.6)));
  const status = metadata.response_status;
  const rest = [
    metadata.error ?? (event.mcp?.is_error ? "error" : undefined),
    interaction?.cost_usd === undefined ? undefined : `~$${money(interaction.cost_usd)}`,
    metadata.reason === undefined ? undefined : `(${metadata.reason})`,
  ];
  const cells: ReadonlyArray<readonly [text: string, code: number | string]> = [
    [localClock(new Date(event.timestamp)), 2],
    [fit(printable(whoOf(event)), who), colourOf(whoOf(event))],
    [fit(printable(whatOf(event)), what), 36],
    ...(isWide
      ? ([
          [tokens(usage?.input_tokens, "in").padStart(10), 0],
          [tokens(usage?.output_tokens, "out").padStart(9), 0],
        ] as const)
      : []),
    [durationOf(event).padStart(7), 2],
    [(status === undefined ? "" : String(status)).padStart(3), isFailed(event) ? 31 : 32],
    [printable(rest.filter((part) => part !== undefined).join(" ")), isFailed(event) ? 31 : 33],
  ];
  let left = width;
  const shown: string[] = [];
  for (const [text, code] of cells) {
    if (left <= 0) break;
    const cut = shortened(text, left);
    shown.push(painter(colour, code)(cut));
    left -= [...cut].length + 2;
  }
  return shown.join("  ").trimEnd();
}

function whoOf({ app, client }: OximyEvent): string {
  if (app !== undefined) return app.name;
  if (client.name === undefined) return "unknown";
  return client.pid === undefined ? client.name : `${client.name} (${client.pid})`;
}

function whatOf(event: OximyEvent): string {
  const { source, interaction, mcp } = event;
  if (mcp !== undefined) return askedOf(event);
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

function outcomeOf({ metadata, mcp }: OximyEvent): string {
  const error = metadata.error ?? (mcp?.is_error ? "error" : undefined);
  return printable([metadata.response_status?.toString(), error].filter(Boolean).join(" "));
}

/** At least two significant digits: calls cost from millionths to dollars. */
export function money(usd: number): string {
  if (usd === 0) return "0";
  return usd >= 1 ? usd.toFixed(2) : usd.toFixed(Math.min(8, 1 - Math.floor(Math.log10(usd))));
}

function fit(text: string, width: number): string {
  return [...text].length > width ? shortened(text, width) : text.padEnd(width);
}
