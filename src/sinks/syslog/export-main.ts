/** Entry point of the process that exports events to a log server. */

import type { SyslogSettings } from "../../user/syslog-settings.js";
import { runExporter } from "../export/export-process.js";
import { SyslogDestination } from "./syslog-destination.js";

runExporter<SyslogSettings>((settings, context) => new SyslogDestination(settings, context));
