/** What is worth a look in an event. Nothing is blocked by it. */

export interface Finding {
  /** `credential`: one was cut out. */
  readonly rule: "credential";
  readonly where: "request" | "response";
}
