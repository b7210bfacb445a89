/** Numbers and times for display. */

const COUNT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
});
const BYTES = ["B", "kB", "MB", "GB"] as const;

export const count = (value: number): string => COUNT.format(value);
export const whole = (value: number): string => WHOLE.format(value);
export const clock = (at: number): string => CLOCK.format(at);
export const day = (at: number): string => DAY.format(at);

/** US dollars, with two significant digits. */
export function money(value: number): string {
  if (value === 0) return "$0";
  return `$${value >= 0.995 ? value.toFixed(2) : value.toPrecision(2).replace(/e.*/, "")}`;
}

export function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

export function bytes(size: number): string {
  let [value, unit] = [size, 0];
  while (value >= 1_000 && unit < BYTES.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${BYTES[unit]}`;
}

/** The last part of a path. */
export const baseName = (path: string): string => path.split("/").findLast((part) => part !== "") ?? path;
