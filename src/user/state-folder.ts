/** Where root keeps machine-wide state. */

/** `/var/lib/oximy` (macOS: `/var/db/oximy`), unless OXIMY_STATE_DIR moves it. */
export const stateFolder = (
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string => env.OXIMY_STATE_DIR || (platform === "darwin" ? "/var/db/oximy" : "/var/lib/oximy");
