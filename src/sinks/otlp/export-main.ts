/** Entry point of the process that exports events to an OpenTelemetry collector. */

import type { OtlpSettings } from "../../user/otlp-settings.js";
import { runExporter } from "../export/export-process.js";
import { OtlpDestination } from "./otlp-destination.js";

runExporter<OtlpSettings>((settings, context) => new OtlpDestination(settings, context));
