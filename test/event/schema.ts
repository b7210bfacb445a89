import { readFileSync } from "node:fs";
import { Ajv } from "ajv";

const schema = JSON.parse(readFileSync(new URL("../../schema/event.schema.json", import.meta.url), "utf8"));
const validate = new Ajv({
  allErrors: true,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
}).compile(schema);

/** Throws with all reasons when the event, as it is read back from its line, is not of the published form. */
export function validateEvent(event: unknown): void {
  if (!validate(JSON.parse(JSON.stringify(event)))) {
    const reasons = (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
    throw new Error(`not an event: ${reasons.join("; ")}\n${JSON.stringify(event)}`);
  }
}
