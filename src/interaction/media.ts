import { createHash } from "node:crypto";
import type { MediaReference } from "./interaction.js";
import { present } from "./json.js";

/** `type` of a reference from its media type: `image/png` is an image. */
function kindOf(mediaType: string | undefined): string {
  const kind = mediaType?.split("/")[0];
  return kind === "image" || kind === "audio" || kind === "video" ? kind : "file";
}

/** A reference to bytes that are not kept. */
export function bytesReference(bytes: Uint8Array, mediaType?: string, type?: string): MediaReference {
  return present({
    type: type ?? kindOf(mediaType),
    media_type: mediaType,
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
}

/** A reference to bytes sent as base64, in the standard or the URL alphabet. */
export function base64Reference(base64: string, mediaType?: string, type?: string): MediaReference {
  return bytesReference(Buffer.from(base64, "base64"), mediaType, type);
}

const DATA_URL = /^data:([^;,]*)([^,]*),/i;

/** A reference to the target of a URL; the bytes of a `data:` URL are counted and hashed. */
export function urlReference(url: string, type?: string, mediaType?: string): MediaReference {
  const data = DATA_URL.exec(url);
  if (!data) return present({ type: type ?? kindOf(mediaType), media_type: mediaType, url });
  const payload = url.slice(data[0].length);
  const bytes = /;base64/i.test(data[2]!) ? Buffer.from(payload, "base64") : Buffer.from(payload, "latin1");
  return bytesReference(bytes, data[1] || mediaType, type);
}
