/** What the doctor says of one thing. */
export interface Finding {
  /** One or two words. */
  readonly about: string;
  /** `missing`: capture does not work without it. `warning`: it works, but less, or not for everybody. */
  readonly level: "ok" | "warning" | "missing";
  readonly what: string;
  /** What to do; absent when nothing is to be done. */
  readonly advice?: string;
}

export const ok = (about: string, what: string): Finding => ({ about, level: "ok", what });

export const warning = (about: string, what: string, advice: string): Finding => ({
  about,
  level: "warning",
  what,
  advice,
});

export const missing = (about: string, what: string, advice: string): Finding => ({
  about,
  level: "missing",
  what,
  advice,
});
