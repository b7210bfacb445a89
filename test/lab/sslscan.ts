/** What sslscan(1) found out about a server, of its report in XML. */
export interface Scan {
  /** `tls 1.2` and the like. */
  readonly versions: readonly string[];
  /** `TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256`, as it would be with a key of RSA; sorted. */
  readonly suites: readonly string[];
  /** `TLSv1.3 x25519`. */
  readonly groups: readonly string[];
  /** Heartbleed, compression, renegotiation, fallback: attributes as they stand there. */
  readonly flaws: readonly string[];
  readonly key: { readonly type: string; readonly bits: number };
  readonly signature: string;
}

const elements = (xml: string, name: string): ReadonlyArray<Readonly<Record<string, string>>> =>
  [...xml.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, "g"))].map(([, attributes]) =>
    Object.fromEntries([...attributes!.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
  );

export function readScan(xml: string): Scan {
  const [key] = elements(xml, "pk");
  return {
    versions: elements(xml, "protocol")
      .filter(({ enabled }) => enabled === "1")
      .map(({ type, version }) => `${type} ${version}`),
    suites: elements(xml, "cipher")
      .map(({ sslversion, cipher }) => `${sslversion} ${cipher?.replace("ECDHE-ECDSA", "ECDHE-RSA")}`)
      .sort(),
    groups: elements(xml, "group").map(({ sslversion, name }) => `${sslversion} ${name}`),
    flaws: ["heartbleed", "compression", "renegotiation", "fallback"].flatMap((name) =>
      elements(xml, name).map((attributes) => `${name} ${JSON.stringify(attributes)}`),
    ),
    key: { type: key?.type ?? "none", bits: Number(key?.bits) },
    signature: /<signature-algorithm>(.*?)</.exec(xml)?.[1] ?? "none",
  };
}
