import { AGENT_ROWS } from "./agent-rows.js";
import type { RealClient } from "./real-client.js";
import { RUNTIME_ROWS } from "./runtime-rows.js";
import { SDK_ROWS } from "./sdk-rows.js";
import { TOOL_ROWS } from "./tool-rows.js";

/** All clients by which the product is measured. */
export const REAL_CLIENTS: readonly RealClient[] = [
  ...SDK_ROWS,
  ...RUNTIME_ROWS,
  ...TOOL_ROWS,
  ...AGENT_ROWS,
];
