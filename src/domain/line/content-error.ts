import { SendErrorCode } from '../../contract/custom-channel';

/**
 * Why content cannot be sent. The message names the place, what was found there (its kind or length, never a text that
 * somebody may read), what is allowed and the fix; it may go into a log.
 */
export class ContentError extends Error {
  public readonly name = 'ContentError';

  constructor(public readonly code: SendErrorCode, message: string) {
    super(message);
  }
}

/** Makes a content error that was thrown a result; throws anything else again. */
export function contentErrorOnly(error: unknown): ContentError {
  if (error instanceof ContentError) {
    return error;
  }
  throw error;
}
