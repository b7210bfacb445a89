/** Capture by an explicit proxy on loopback: no root, attribution for the user's own processes. */

import { createAttributor } from "../attribution/attributor.js";
import type { Endpoint } from "../connection/client.js";
import { OximyError } from "../errors.js";
import type { Log } from "../log.js";
import { loadNative } from "../native/native.js";
import { ExplicitProxy } from "../proxy/accept/explicit.js";
import { type CaptureSettings, caDirectory, ownCertificatePath } from "../user/settings.js";
import { LazyAuthority } from "./authority.js";
import { Engine, type EngineEnd, type Internet } from "./engine.js";
import { Identifier } from "./identify.js";
import type { KeyLogSecrets } from "./key-log-secrets.js";
import { isAnnounced } from "./page-ports.js";
import { programSource } from "./program-source.js";

export interface ExplicitCaptureOptions {
  readonly settings: CaptureSettings;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly log: Log;
  /** Called for each event, in addition to writing it. */
  readonly onEvent?: (event: unknown) => void;
  readonly internet?: Internet;
  /** Kind of clients; `proxy` when absent. */
  readonly front?: "proxy" | "command";
  /** Hosts that are never captured, even if the bundle knows them; none when absent. */
  readonly isExempt?: (host: string, port: number) => boolean;
  /** Secrets from the key logs that programs write: their connections are decrypted passively. */
  readonly secrets?: KeyLogSecrets;
}

export interface ExplicitCapture {
  readonly port: number;
  /** Port at ::1, for `command`; undefined where the machine has no IPv6. */
  readonly portV6: number | undefined;
  readonly certificatePath: string;
  flush(): Promise<void>;
  stop(graceMs: number): Promise<EngineEnd>;
}

/** Throws OximyError (OXIMY_E_PORT_TAKEN, OXIMY_E_CA, OXIMY_E_OUTPUT_DIR, …), with nothing left behind. */
export async function startExplicitCapture(options: ExplicitCaptureOptions): Promise<ExplicitCapture> {
  const { settings, host, port, log, onEvent, internet, secrets } = options;
  const native = loadNative();
  const identifier = new Identifier(
    createAttributor(native),
    programSource(native, ownCertificatePath(settings.home)),
  );
  // The user's own authority: only programs configured to use the proxy are made to trust it.
  const authority = new LazyAuthority(caDirectory(settings.home));
  let engine: Engine | undefined;
  try {
    const started = await Engine.start({
      settings,
      native,
      ...(onEvent === undefined ? {} : { onEvent }),
      log,
      front: options.front ?? "proxy",
      ...(options.isExempt === undefined ? {} : { isExempt: options.isExempt }),
      authority,
      ...(internet === undefined ? {} : { internet }),
      ...(secrets === undefined
        ? {}
        : { secrets, onReadOutcome: (...outcome) => secrets.onOutcome(...outcome) }),
    });
    engine = started;
    secrets?.deliverTo((frames) => started.takeSecrets(frames));
    const proxy = await ExplicitProxy.listen({
      host,
      port,
      alsoOverIpv6: options.front === "command",
      onAccept: ({ peer, clientRemote }) => identifier.identify({ local: peer, remote: clientRemote }),
      onConnection: (accepted, client) => void started.handle(accepted, client),
      onRequest: (target: Endpoint, { peer }, client) => started.tapRequest(target, peer, client),
      isRefused: (refused) => isAnnounced(settings.home, refused),
    });
    started.serve(proxy);
    return {
      port: proxy.port,
      portV6: proxy.portV6,
      certificatePath: authority.open().certificatePath,
      flush: () => started.flush(),
      stop: async (graceMs) => {
        const end = await started.stop(graceMs);
        await identifier.close();
        return end;
      },
    };
  } catch (error) {
    await engine?.stop(0);
    await identifier.close();
    throw listenError(error, host, port);
  }
}

function listenError(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return new OximyError(
      "OXIMY_E_PORT_TAKEN",
      `Port ${port} on ${host} is taken by another program.`,
      "Choose another one with --port.",
      {
        cause: error,
      },
    );
  }
  if (code === "EACCES") {
    return new OximyError(
      "OXIMY_E_PRIVILEGE",
      `Port ${port} may only be opened by root.`,
      "Choose one above 1023 with --port.",
      {
        cause: error,
      },
    );
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new OximyError(
      "OXIMY_E_USAGE",
      `${host} is not an address of this machine.`,
      "Leave --host out to listen on loopback.",
      {
        cause: error,
      },
    );
  }
  return error;
}
