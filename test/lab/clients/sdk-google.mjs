// The official SDK of Google, for the Gemini API and for Vertex AI.
import { GoogleGenAI } from "@google/genai";
import { answerCases, camelCased, joined, mediaOf, someOf } from "./sdk-cases.mjs";

/** Stands for the login of Google Cloud, which is no call of a model. */
const authClient = {
  getRequestHeaders: async () => new Headers({ authorization: `Bearer ${process.env.API_KEY}` }),
};

function clientOf({ format, host, headers }) {
  const httpOptions = { headers };
  const [, named] = /^(.*)-aiplatform\./.exec(host) ?? [];
  // The SDK makes pictures on Vertex AI only.
  const location = format === "imagen" ? "europe-west4" : named;
  return location
    ? new GoogleGenAI({
        vertexai: true,
        project: "p",
        location,
        googleAuthOptions: { authClient },
        httpOptions,
      })
    : new GoogleGenAI({ apiKey: process.env.API_KEY, httpOptions });
}

const askers = {
  async gemini({ models }, { model, path, question }, answer) {
    const { contents, generationConfig, ...others } = camelCased(question);
    const request = { model, contents, config: { ...generationConfig, ...others } };
    if (!path.includes(":stream")) return readPart(await models.generateContent(request), answer);
    for await (const part of await models.generateContentStream(request)) readPart(part, answer);
  },
  async gemini_count_tokens({ models }, { model, question }, answer) {
    const { totalTokens } = await models.countTokens({ model, contents: question.contents });
    answer.usage = { input_tokens: totalTokens };
  },
  async gemini_embeddings({ models }, { model, question }, answer) {
    const contents = question.requests.map(({ content }) => content);
    answer.embeddings = (await models.embedContent({ model, contents })).embeddings.length;
  },
  async gemini_live({ live }, { said }, answer) {
    const [{ setup }, { clientContent }] = said;
    let session;
    try {
      await new Promise((resolve, reject) => {
        const onmessage = ({ serverContent, usageMetadata: usage }) => {
          const parts = serverContent?.modelTurn?.parts ?? [];
          answer.content = joined([answer.content, ...parts.map(({ text }) => text)]);
          if (!serverContent?.turnComplete) return;
          answer.usage = { input_tokens: usage.promptTokenCount, output_tokens: usage.responseTokenCount };
          resolve();
        };
        live
          .connect({
            model: setup.model,
            config: setup.generationConfig,
            callbacks: { onmessage, onerror: ({ error }) => reject(error) },
          })
          .then((opened) => {
            session = opened;
            session.sendClientContent(clientContent);
          }, reject);
      });
    } finally {
      session?.close();
    }
  },
  async imagen({ models }, { model, question }, answer) {
    const { sampleCount: numberOfImages, ...others } = question.parameters;
    const [{ prompt }] = question.instances;
    const { generatedImages } = await models.generateImages({
      model,
      prompt,
      config: { numberOfImages, ...others },
    });
    answer.media = generatedImages.map(({ image }) =>
      mediaOf("image", image.mimeType, Buffer.from(image.imageBytes, "base64")),
    );
  },
};

function readPart({ candidates = [], promptFeedback, modelVersion, usageMetadata: usage }, answer) {
  const parts = candidates[0]?.content?.parts ?? [];
  answer.model = modelVersion ?? answer.model;
  answer.content = joined([answer.content, ...parts.map(({ text, thought }) => !thought && text)]);
  answer.reasoning = joined([answer.reasoning, ...parts.map(({ text, thought }) => thought && text)]);
  answer.finish_reason = candidates[0]?.finishReason ?? promptFeedback?.blockReason ?? answer.finish_reason;
  const calls = parts.flatMap(({ functionCall: call }) =>
    call ? [{ id: call.id, name: call.name, arguments: call.args }] : [],
  );
  answer.tool_calls = someOf([...(answer.tool_calls ?? []), ...calls]);
  answer.media = someOf(
    parts.flatMap(({ inlineData: data }) =>
      data ? [mediaOf("image", data.mimeType, Buffer.from(data.data, "base64"))] : [],
    ),
  );
  answer.usage = usage
    ? {
        input_tokens: usage.promptTokenCount,
        // With reasoning, as events count.
        output_tokens: sumOf(usage.candidatesTokenCount, usage.thoughtsTokenCount),
        total_tokens: usage.totalTokenCount,
        cache_read_tokens: usage.cachedContentTokenCount,
        reasoning_tokens: usage.thoughtsTokenCount,
      }
    : answer.usage;
}

await answerCases((one, answer) => {
  const [, model] = /models\/([^:]+):/.exec(one.path) ?? [];
  return askers[one.format](clientOf(one), { ...one, model }, answer);
});

/** Undefined when neither is known. */
function sumOf(...counts) {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}
