import { LineApi } from './line-api';
import { MAX_URL_LENGTH } from '../../contract/limits';
import { Metric } from '../../contract/metrics';
import { SubscriberProfile, SubscriberStore } from '../audience/subscriber';
import { errorText } from '../shared/error-text';
import { Telemetry } from '../shared/telemetry';
import { wellFormed } from '../shared/well-formed';

/** Characters of a display name that are kept. LINE's have 20 at most; a row must stay small enough for an audience's queue. */
const MAX_TEXT_LENGTH = 1_000;

/** What reading and storing a profile needs. */
export interface ProfileDependencies {
  readonly line: LineApi;
  readonly subscribers: Pick<SubscriberStore, 'profile'>;
  /** True when the profile picture's URL is stored too. */
  readonly includePicture: boolean;
  readonly telemetry: Telemetry;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Reads a person's profile at LINE and stores it. Nothing is stored when LINE says that there is none to be had: 404 for
 * someone unknown, not a friend any more or without consent, 400 for an id that LINE does not take.
 * Source: LINE, Messaging API reference, "Get profile".
 *
 * @param timeoutMs how long LINE may take
 * @returns why it has to be tried again, or undefined when it is done; never throws
 */
export async function refreshProfile(userId: string, timeoutMs: number, deps: ProfileDependencies): Promise<string | undefined> {
  // Taken before the call: of two reads at the same time, the one that began later is the newer.
  const readAt = deps.now();
  const answer = await deps.line.call({ method: 'GET', path: `/v2/bot/profile/${userId}`, timeoutMs });
  if (answer.kind === 'silence') {
    return `LINE did not answer (${answer.reason})`;
  }
  if (answer.kind === 'not-called') {
    deps.telemetry.count(Metric.CREDENTIALS_UNAVAILABLE, answer.retryable ? 0 : 1);
    return answer.message;
  }
  if (answer.status === 404 || answer.status === 400) {
    deps.telemetry.info('PROFILE_NOT_AVAILABLE', 'LINE has no profile of this person for the channel; the subscriber stays without one', {
      status: answer.status, requestId: answer.requestId,
    });
    return undefined;
  }
  const profile = answer.status === 200 ? parseProfile(answer.body) : undefined;
  if (!profile) {
    return `LINE answered ${answer.status}${answer.status === 200 ? ' without a displayName' : ''}${answer.requestId ? ` (x-line-request-id ${answer.requestId})` : ''}`;
  }
  try {
    const { pictureUrl, ...rest } = profile;
    if (await deps.subscribers.profile(userId, deps.includePicture ? profile : rest, readAt) === 'applied') {
      deps.telemetry.count(Metric.PROFILES_UPDATED);
    }
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

function parseProfile(body: string): SubscriberProfile | undefined {
  try {
    const { displayName, language, pictureUrl } = JSON.parse(body);
    const name = text(displayName);
    const url = typeof pictureUrl === 'string' && pictureUrl.length <= MAX_URL_LENGTH ? wellFormed(pictureUrl) : undefined;
    return name === undefined ? undefined : { displayName: name, language: text(language), pictureUrl: url };
  } catch {
    return undefined;
  }
}

/** Cut where it is too long, but not inside a character that takes two UTF-16 units. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? wellFormed(value.length > MAX_TEXT_LENGTH ? value.slice(0, MAX_TEXT_LENGTH).replace(/[\uD800-\uDBFF]$/, '') : value) : undefined;
}
