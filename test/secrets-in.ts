/** What stays of a credential when it is written: its first eight characters. */
const SHOWN = 8;
const TELLING = 12;

/** The credentials of which more is in the text than may be shown: any twelve characters after the first eight. */
export function secretsIn(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => {
    if (secret.length < SHOWN + TELLING) return text.includes(secret);
    for (let at = SHOWN; at + TELLING <= secret.length; at += 1) {
      if (text.includes(secret.slice(at, at + TELLING))) return true;
    }
    return false;
  });
}
