/** OpenAI's media calls: images and audio. Media is kept by reference. */

import type { DecodedExchange, MediaReference } from "../interaction.js";
import {
  booleanOf,
  isObject,
  type JsonObject,
  listOf,
  numberOf,
  objectOf,
  present,
  stringOf,
  wordOf,
} from "../json.js";
import { base64Reference, urlReference } from "../media.js";
import { deploymentInPath } from "../model-in-path.js";
import { usageOf } from "../usage.js";
import { someOf } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/** platform.openai.com/docs/api-reference/images: generations, edits and variations, streamed or not. */
export const openaiImages: WireFormat = {
  id: "openai_images",
  type: "image",
  request: (fields, exchange) =>
    present({
      prompt: fields.prompt,
      model: wordOf(fields.model) ?? deploymentInPath(exchange.path),
      n: numberOf(Number(fields.n ?? Number.NaN)),
      size: wordOf(fields.size),
      quality: wordOf(fields.quality),
      stream: booleanOf(fields.stream),
      media: mediaParts(exchange),
    }),
  response: (fields) => {
    const images = listOf(fields.data).map(objectOf);
    const mediaType = wordOf(fields.output_format) && `image/${fields.output_format}`;
    return present({
      usage: usageOf(fields.usage),
      media: someOf(images.flatMap((image) => imageOf(image, mediaType))),
      revised_prompt: images.map((image) => wordOf(image.revised_prompt)).find(Boolean),
    });
  },
  /** `image_generation.partial_image` … `.completed`: the last image is the answer. */
  assemble: (chunks) => {
    const done = chunks
      .map(({ data }) => objectOf(data))
      .filter(({ type }) => /\.completed$/.test(String(type)));
    const last = done.at(-1);
    return { ...last, data: done };
  },
};

function imageOf(image: JsonObject, mediaType: string | undefined): MediaReference[] {
  if (typeof image.b64_json === "string") return [base64Reference(image.b64_json, mediaType, "image")];
  return typeof image.url === "string" ? [urlReference(image.url, "image", mediaType)] : [];
}

/** platform.openai.com/docs/api-reference/audio: speech, transcriptions and translations. */
export const openaiAudio: WireFormat = {
  id: "openai_audio",
  type: "audio",
  request: (fields, exchange) =>
    present({
      input: fields.input,
      prompt: fields.prompt,
      model: wordOf(fields.model) ?? deploymentInPath(exchange.path),
      voice: fields.voice,
      instructions: wordOf(fields.instructions),
      language: wordOf(fields.language),
      response_format: wordOf(fields.response_format),
      media: mediaParts(exchange),
    }),
  response: (fields, exchange) => {
    const body = exchange.responseBody;
    return present({
      content: stringOf(fields.text) ?? (body.kind === "text" && isSuccess(exchange) ? body.text : undefined),
      language: wordOf(fields.language),
      duration: numberOf(fields.duration),
      usage: usageOf(fields.usage),
      media:
        body.kind === "binary"
          ? [present({ type: "audio", media_type: body.mediaType, size: body.length })]
          : undefined,
    });
  },
  /** `transcript.text.delta` … `transcript.text.done`; `speech.audio.done` has the usage. */
  assemble: (chunks) => {
    const events = chunks.map(({ data }) => data).filter(isObject);
    const deltas = events
      .filter(({ type }) => type === "transcript.text.delta")
      .map(({ delta }) => stringOf(delta) ?? "");
    const done = events.find(({ type }) => type === "transcript.text.done" || type === "speech.audio.done");
    return { text: deltas.length > 0 ? deltas.join("") : undefined, ...done };
  },
};

function isSuccess({ status }: DecodedExchange): boolean {
  return status === undefined || status < 400;
}

/** Files of a multipart request, by reference, with the field's name. */
function mediaParts({ requestBody }: DecodedExchange): MediaReference[] | undefined {
  if (requestBody.kind !== "multipart") return undefined;
  return someOf(
    requestBody.parts.flatMap(({ name, filename, media }) =>
      media ? [present({ ...media, name, filename })] : [],
    ),
  );
}
