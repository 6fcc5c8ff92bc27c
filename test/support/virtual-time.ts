interface Timer {
  readonly at: number;
  readonly ring: () => void;
}

/** A clock that moves only when everybody waits for it: hours pass in no time, and in the same order every time. */
export class VirtualTime {
  private timers: Timer[] = [];
  private current: number;

  constructor(start: number = Date.UTC(2026, 10, 23)) {
    this.current = start;
  }

  public readonly now = (): number => this.current;

  public readonly sleep = async (milliseconds: number): Promise<void> => new Promise((ring) => {
    this.timers.push({ at: this.current + milliseconds, ring });
  });

  public pass(milliseconds: number): void {
    this.current += milliseconds;
  }

  /** Lets time pass until the work is done. What is still asleep then sleeps for ever. */
  public async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = () => { isDone = true; };
    work.then(done, done);
    for (;;) {
      // After all that can be done without time passing.
      await new Promise(setImmediate);
      if (isDone) {
        this.timers = [];
        return work;
      }
      const next = this.timers.reduce<Timer | undefined>((earliest, timer) => (earliest && earliest.at <= timer.at ? earliest : timer), undefined);
      if (!next) {
        throw new Error('everybody waits for something that never happens');
      }
      this.timers.splice(this.timers.indexOf(next), 1);
      this.current = Math.max(this.current, next.at);
      next.ring();
    }
  }
}
