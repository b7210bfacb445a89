import type { RealClient } from "./real-client.js";

/** Agents for the command line, as npm has them. */
export const AGENT_ROWS: readonly RealClient[] = [];
