/** A response of the built-in AI server: one JSON document, or a stream of server-sent events, each as sent. */
export type Reply =
  | { readonly kind: "json"; readonly status: 200 | 400 | 404; readonly body: unknown }
  | { readonly kind: "stream"; readonly events: readonly string[] };
