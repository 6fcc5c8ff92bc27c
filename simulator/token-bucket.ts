/** `requests` in each `perMs` milliseconds. */
export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
}

/**
 * A bucket that holds at most one period's requests and refills evenly.
 * Source: LINE, Messaging API reference, "Rate limits": the limits refill continuously, without a fixed reset time.
 */
export class TokenBucket {
  private tokens: number;
  private filledAt: number;

  constructor(private readonly limit: RateLimit, now: number) {
    this.tokens = limit.requests;
    this.filledAt = now;
  }

  /** Takes one token; false when there is none. */
  take(now: number): boolean {
    const gained = Math.max(0, now - this.filledAt) * this.limit.requests / this.limit.perMs;
    this.tokens = Math.min(this.limit.requests, this.tokens + gained);
    this.filledAt = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
