/** What stays of a credential when it is written: its first eight characters. */
const SHOWN = 8;
const TELLING = 12;

/** The credentials of which more is in the text than may be shown: any twelve characters after the first eight. */
export function secretsIn(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => {
    if (secret.length < SHOWN + TELLING) return text.includes(secret);
    // Twelve characters in a row hold one of these pieces whole, wherever they begin: most texts hold none.
    if (!piecesOf(secret, TELLING / 2, TELLING / 2).some((piece) => text.includes(piece))) return false;
    return piecesOf(secret, TELLING, 1).some((piece) => text.includes(piece));
  });
}

function piecesOf(secret: string, length: number, step: number): string[] {
  const pieces: string[] = [];
  for (let at = SHOWN; at + length <= secret.length; at += step) pieces.push(secret.slice(at, at + length));
  return pieces;
}
