import { ChunkObjects } from './chunk-lines';
import { isJsonObject } from './line-message';
import { ObjectPlace, RunFlag } from '../../contract/chunk-send';
import { SendErrorCode } from '../../contract/custom-channel';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';

/** Why a flag lets nothing be begun. */
export type FlagStop = SendErrorCode.RUN_PAUSED | SendErrorCode.RUN_CANCELLED | SendErrorCode.SEND_WINDOW_OVER;

/** Milliseconds for which what a flag said is good. */
const FLAG_AGE_MS = 1_000;

/** Longest time for a reading: whoever wants to send waits for it. */
const FLAG_TIMEOUT_MS = 3_000;

export interface RunFlagDependencies {
  readonly objects: Pick<ChunkObjects, 'read'>;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  now(): number;
}

/** The flag of a run, as one invocation knows it (`RunFlag` in `contract/chunk-send.ts`). */
export class RunFlagReader {
  /** What was last read. */
  private known?: RunFlag;
  private readAt = -Infinity;
  private reading?: Promise<void>;
  private isFailing = false;
  /** Why it was not read. */
  private reason = '';

  /** @param place absent: nothing ever stops the run */
  constructor(private readonly place: ObjectPlace | undefined, private readonly deps: RunFlagDependencies) {}

  /**
   * Why nothing more may be begun now; undefined when something may. The flag is read once a second for all who ask, and what
   * was last read stays good when it cannot be read: a bucket that fails stops nobody whom it let go on.
   *
   * @throws Error when it was never read: nobody knows whether the run was paused or cancelled, so nothing may be begun; come again
   */
  public async stop(): Promise<FlagStop | undefined> {
    const { place, deps: { now } } = this;
    if (place === undefined) {
      return undefined;
    }
    if (now() - this.readAt >= FLAG_AGE_MS) {
      this.reading ??= this.read(place).finally(() => { this.reading = undefined; });
      await this.reading;
    }
    if (this.known === undefined) {
      throw new Error(`the flag of the run, object ${place.Key} of bucket ${place.Bucket}, cannot be read, so that nobody knows whether the run was paused or cancelled: ${this.reason}; nothing was begun, come with the chunk again`);
    }
    const { state, until } = this.known;
    switch (state) {
      case 'PAUSE': return SendErrorCode.RUN_PAUSED;
      case 'CANCEL': return SendErrorCode.RUN_CANCELLED;
      default: return until !== undefined && now() >= Date.parse(until) ? SendErrorCode.SEND_WINDOW_OVER : undefined;
    }
  }

  private async read(place: ObjectPlace): Promise<void> {
    const { objects, telemetry, now } = this.deps;
    try {
      this.known = parseFlag(await objects.read(place, 'the flag of the run', FLAG_TIMEOUT_MS));
      this.isFailing = false;
    } catch (error) {
      this.reason = errorText(error);
      if (!this.isFailing) {
        telemetry.error('FLAG_NOT_READ', 'the run\'s flag cannot be read (see `reason`); what it said last stays good, so that a pause may not be noticed, and without `state` nothing is sent', { key: place.Key, state: this.known?.state, reason: this.reason });
      }
      this.isFailing = true;
    }
    this.readAt = now();
  }
}

/** @throws Error when the text is no flag */
export function parseFlag(text: string): RunFlag {
  const flag: unknown = JSON.parse(text);
  const { state, until } = isJsonObject(flag) ? flag : {};
  const isState = state === 'RUN' || state === 'PAUSE' || state === 'CANCEL';
  if (!isState || (until !== undefined && !(typeof until === 'string' && !Number.isNaN(Date.parse(until))))) {
    throw new Error(`the flag must be {"state":"RUN"|"PAUSE"|"CANCEL","until"?: ISO 8601}, got ${text.slice(0, 200)}`);
  }
  return { state, ...(until !== undefined && { until: until as string }) };
}
