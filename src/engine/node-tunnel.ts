/** Variables that make each Node process of a command send its TLS connections through the proxy of `oximy run`. */

import { fileURLToPath } from "node:url";
import { withNodeOption } from "./node-options.js";

/** The script documents its reasons. */
const PRELOAD = fileURLToPath(new URL("../../scripts/node-tunnel.cjs", import.meta.url));

/**
 * @param port of the explicit proxy, at 127.0.0.1
 * @param nodeOptions that the command would be started with
 */
export function nodeTunnelEnvironment(port: number, nodeOptions?: string): Record<string, string> {
  return {
    OXIMY_RUN_PROXY: `http://127.0.0.1:${port}`,
    NODE_OPTIONS: withNodeOption(`--require=${PRELOAD}`, nodeOptions),
  };
}
