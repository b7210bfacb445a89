/** Something in an event that deserves attention. It never blocks anything. */

export interface Finding {
  /** `credential`: one was redacted. */
  readonly rule: "credential";
  readonly where: "request" | "response";
}
