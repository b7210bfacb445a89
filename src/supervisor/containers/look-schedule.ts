/** When containers are looked for: often while the kernel reports new networks, seldom otherwise. */

import type { Log } from "../../log.js";
import type { ContainerNetworks } from "./networks.js";

/** How soon the next look is needed: a container waits to be captured, some are captured, or there are none. */
export type Pace = "hurried" | "calm" | "idle";

export interface LookScheduleOptions {
  readonly networks: Pick<ContainerNetworks, "watchFailure" | "nextReports">;
  readonly log: Log;
  readonly now: () => number;
  /** Looks once. */
  readonly look: () => Pace;
  /** A network is reported after a while without any: what was looked at before may be in it by now. */
  readonly onAlert: () => void;
}

const LOOK_MS = 25;
const PACE_MS: Readonly<Record<Pace, number>> = { hurried: LOOK_MS, calm: 100, idle: 1_000 };
/** A container's first process enters its network within this time after the network was made. */
const ALERT_MS = 3_000;

export class LookSchedule {
  private timer: NodeJS.Timeout | undefined;
  private hasEnded = false;
  private alertUntil: number;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LookScheduleOptions) {
    const watchFailure = options.networks.watchFailure();
    if (watchFailure !== null)
      options.log.debug(
        `containers: the kernel does not report new networks, so /proc is polled for them: ${watchFailure}`,
      );
    this.alertUntil = watchFailure === null ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** Whether processes may be entering new networks, which nothing reports. */
  get isAlert(): boolean {
    return this.options.now() < this.alertUntil;
  }

  start(): void {
    void this.listen();
    this.turn();
  }

  end(): void {
    this.hasEnded = true;
    clearTimeout(this.timer);
  }

  private async listen(): Promise<void> {
    while (!this.hasEnded) {
      const { networks } = await this.options.networks.nextReports();
      if (this.hasEnded) return;
      const now = this.options.now();
      if (networks) {
        if (!this.isAlert) this.options.onAlert();
        this.alertUntil = Math.max(this.alertUntil, now + ALERT_MS);
      }
      this.plan(LOOK_MS - (now - this.lookedAt));
    }
  }

  private turn(): void {
    this.lookedAt = this.options.now();
    const pace = this.options.look();
    this.plan(this.isAlert ? LOOK_MS : PACE_MS[pace]);
  }

  private plan(ms: number): void {
    clearTimeout(this.timer);
    if (!this.hasEnded) this.timer = setTimeout(() => this.turn(), Math.max(0, ms));
  }
}
