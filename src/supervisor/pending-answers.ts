/** Requests to another process that are answered by id, with their time limits. */

import { withTimeout } from "../attribution/time-limit.js";

export class PendingAnswers<Answer> {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private nextId = 1;

  /** @param late the result when no answer arrives within `limitMs` */
  async request(send: (id: number) => void, limitMs: number, late: () => Answer): Promise<Answer> {
    const id = this.nextId++;
    const answer = new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    send(id);
    const result = await withTimeout(limitMs, answer, late);
    this.waiting.delete(id);
    return result;
  }

  /** An answer that comes too late, or that nobody requested, is ignored. */
  resolve(id: number, answer: Answer): void {
    this.waiting.get(id)?.(answer);
  }

  resolveAll(answer: Answer): void {
    for (const resolve of this.waiting.values()) resolve(answer);
  }
}
