/** A key log for one command and its descendants: the environment for it, and the secrets from it. */

import { type KeyLogEnvironment, keyLogEnvironment } from "./key-log-environment.js";
import { KeyLogPipe } from "./key-log-pipe.js";
import { KeyLogSecrets } from "./key-log-secrets.js";

export interface KeyLog {
  /** Variables to add to the command's environment. */
  readonly variables: KeyLogEnvironment["variables"];
  readonly secrets: KeyLogSecrets;
  close(): Promise<void>;
}

/**
 * Throws if the pipe cannot be created.
 * @param env that the command would be started with
 */
export async function openKeyLog(env: NodeJS.ProcessEnv): Promise<KeyLog> {
  const secrets = new KeyLogSecrets();
  const pipe = await KeyLogPipe.open((bytes) => secrets.push(bytes));
  const { variables, means } = keyLogEnvironment(pipe.path, env);
  secrets.useMeans(means);
  return {
    variables,
    secrets,
    close: async () => {
      await pipe.close();
      secrets.wipe();
    },
  };
}
