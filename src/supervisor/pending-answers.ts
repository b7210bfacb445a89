/** Questions to another process that are answered by their number, and who waits for it. */

import { withTimeout } from "../attribution/time-limit.js";

export class PendingAnswers<Answer> {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private nextId = 1;

  /** @param late what is answered when nothing came within `limitMs` */
  async ask(send: (id: number) => void, limitMs: number, late: () => Answer): Promise<Answer> {
    const id = this.nextId++;
    const answer = new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    send(id);
    const given = await withTimeout(limitMs, answer, late);
    this.waiting.delete(id);
    return given;
  }

  /** One that comes too late, or that nobody asked for, is nobody's. */
  answer(id: number, answer: Answer): void {
    this.waiting.get(id)?.(answer);
  }

  answerAll(answer: Answer): void {
    for (const resolve of this.waiting.values()) resolve(answer);
  }
}
