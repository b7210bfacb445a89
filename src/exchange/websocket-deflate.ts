import { constants, inflateRawSync } from "node:zlib";
import type { Fields } from "./exchange.js";
import { fieldTokens } from "./fields.js";
import { ProtocolError } from "./guard.js";

const EMPTY = Buffer.alloc(0);
const WINDOW = 32 << 10;
/** The end of every message, which is not transmitted (RFC 7692 §7.2.1). */
const MESSAGE_END = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** Negotiated parameters of permessage-deflate. */
export type Deflate = { readonly requestKeepsContext: boolean; readonly responseKeepsContext: boolean };

/** The extensions that the server's handshake accepted (RFC 6455 §9.1, RFC 7692 §7.1). */
export function negotiatedDeflate(responseFields: Fields): Deflate | undefined {
  const [extension, ...more] = fieldTokens(responseFields, "sec-websocket-extensions");
  if (extension === undefined) return undefined;
  const [name, ...parameters] = extension.split(";").map((part) => part.trim());
  if (more.length > 0 || name !== "permessage-deflate")
    throw new ProtocolError("websocket_unknown_extension");
  return {
    requestKeepsContext: !parameters.includes("client_no_context_takeover"),
    responseKeepsContext: !parameters.includes("server_no_context_takeover"),
  };
}

/**
 * Decompresses the messages of one direction synchronously, which a zlib stream cannot do. The context carried over to
 * the next message is just the last 32 KiB of output, which serve as its dictionary.
 */
export class MessageInflater {
  private readonly keepsContext: boolean;
  private readonly maxLength: number;
  private dictionary: Buffer | undefined;
  private contextIsLost = false;

  constructor(keepsContext: boolean, maxLength: number) {
    this.keepsContext = keepsContext;
    this.maxLength = maxLength;
  }

  /** The message; undefined when it is too long, or needs the context of one that was. */
  inflate(data: Buffer): Buffer | undefined {
    if (this.contextIsLost) return undefined;
    try {
      const message = inflateRawSync(Buffer.concat([data, MESSAGE_END]), {
        dictionary: this.dictionary,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: this.maxLength,
      });
      if (this.keepsContext) this.remember(message);
      return message;
    } catch (error) {
      if (!isTooLong(error)) throw new ProtocolError("websocket_bad_deflate");
      this.skip();
      return undefined;
    }
  }

  /** A message was truncated and cannot be inflated. */
  skip(): void {
    this.contextIsLost = this.keepsContext;
  }

  private remember(message: Buffer): void {
    const before = this.dictionary?.subarray(-Math.max(1, WINDOW - message.length)) ?? EMPTY;
    const context = Buffer.concat([before, message.subarray(-WINDOW)]);
    this.dictionary = context.length > 0 ? context.subarray(-WINDOW) : undefined;
  }
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
