/**
 * Cloud services with one host per region. A bundle that lists one member of a family means the service, so
 * all its regions are included; published bundles list only some.
 */

import { AWS_REGION } from "./host-pattern.js";

export interface RegionFamily {
  readonly regex: RegExp;
  /** A member that every published pattern of the family matches. */
  readonly sample: string;
}

export const REGION_FAMILIES: readonly RegionFamily[] = [
  {
    // https://docs.aws.amazon.com/general/latest/gr/bedrock.html: runtime, FIPS, agents, control plane, China.
    regex: new RegExp(
      `^bedrock(?:-runtime|-agent-runtime)?(?:-fips)?\\.${AWS_REGION}\\.amazonaws\\.com(?:\\.cn)?$`,
    ),
    sample: "bedrock-runtime.us-east-1.amazonaws.com",
  },
  {
    // https://cloud.google.com/vertex-ai/docs/general/locations: global, regional and multi-regional endpoints.
    regex: /^(?:(?:[a-z]+(?:-[a-z]+)+[0-9]{1,2}-)?aiplatform|aiplatform\.(?:us|eu)\.rep)\.googleapis\.com$/,
    sample: "us-central1-aiplatform.googleapis.com",
  },
];
