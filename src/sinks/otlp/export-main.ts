/** A process of its own that tells a collector of OpenTelemetry's of events. */

import type { OtlpSettings } from "../../user/otlp-settings.js";
import { runExporter } from "../export/export-process.js";
import { OtlpDestination } from "./otlp-destination.js";

runExporter<OtlpSettings>((settings, context) => new OtlpDestination(settings, context));
