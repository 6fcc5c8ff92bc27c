import { ProfileDependencies, refreshProfile } from './profile';
import { LINE_USER_ID_PATTERN } from '../../contract/limits';
import { Metric } from '../../contract/metrics';
import { ProfileRequest } from '../../contract/webhook-events';
import { SubscriberStore } from '../audience/subscriber';
import { errorText } from '../shared/error-text';
import { BatchResponse, QueueRecord, handleGroupsSideBySide } from '../shared/message-groups';

/** Milliseconds that LINE may take for a profile that nobody waits for. */
const PROFILE_TIMEOUT_MS = 10_000;

/** What fetching profiles later works with. */
export interface UpdateProfileDependencies extends ProfileDependencies {
  readonly subscribers: Pick<SubscriberStore, 'profile' | 'isSubscribed'>;
}

/**
 * Handles a batch of the queue of profiles that LINE could not give when the person followed. Touches attributes only;
 * a person who is not subscribed any more is left alone.
 *
 * @returns the messages to be tried again
 */
export async function updateProfiles(records: readonly QueueRecord[], deps: UpdateProfileDependencies): Promise<BatchResponse> {
  return handleGroupsSideBySide(records, async ({ messageId, body }) => {
    const userId = readUserId(body);
    if (!userId) {
      deps.telemetry.count(Metric.EVENTS_SET_ASIDE);
      deps.telemetry.error('PROFILE_REQUEST_UNREADABLE', 'the body has no userId that is a LINE user id; the message was not written by this library\'s worker and is set aside', { messageId });
      return true;
    }
    const reason = await update(userId, deps).catch(errorText);
    if (reason !== undefined) {
      deps.telemetry.warn('PROFILE_FAILED', 'the profile could not be stored and is tried again', { messageId, reason });
    }
    return reason === undefined;
  });
}

async function update(userId: string, deps: UpdateProfileDependencies): Promise<string | undefined> {
  return await deps.subscribers.isSubscribed(userId) ? refreshProfile(userId, PROFILE_TIMEOUT_MS, deps) : undefined;
}

function readUserId(body: string): string | undefined {
  try {
    const { userId }: Partial<ProfileRequest> = JSON.parse(body);
    return typeof userId === 'string' && LINE_USER_ID_PATTERN.test(userId) ? userId : undefined;
  } catch {
    return undefined;
  }
}
