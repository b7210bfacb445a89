/** The result of one check. */
export interface Finding {
  /** One or two words. */
  readonly about: string;
  /** `missing`: capture does not work without it. `warning`: it works, but with less, or not for every program. */
  readonly level: "ok" | "warning" | "missing";
  readonly what: string;
  /** What to do; absent when there is nothing to do. */
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
