import type { Scheme } from "../connection/direction.js";
import { fieldValue } from "./fields.js";
import type { SwitchProtocol } from "./http1.js";
import { Http2Core } from "./http2.js";
import type { ConnectionContext } from "./open-exchange.js";
import { WebSocketCore } from "./websocket.js";

/** Protocols an HTTP/1.1 connection can switch to: WebSocket (RFC 6455), and on plain `http` HTTP/2 (RFC 7540 §3.2). */
export function protocolSwitch(scheme: Scheme, context: ConnectionContext): SwitchProtocol {
  return (protocol, exchange) => {
    if (protocol === "websocket") return new WebSocketCore(exchange, context);
    if (protocol !== "h2c" || scheme !== "http") return undefined;
    const http2 = new Http2Core(context);
    http2.adopt(exchange, fieldValue(exchange.request.fields, "http2-settings") ?? "");
    return http2;
  };
}
