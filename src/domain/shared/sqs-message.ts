import { createHash } from 'node:crypto';
import { wellFormed } from './well-formed';

/** What SQS takes as group or deduplication id. Source: Amazon SQS, "SendMessage", `MessageGroupId`. */
const SQS_ID = /^[!-~]{1,128}$/;

/** What SQS does not take in a body and `JSON.stringify` does not escape. Source: Amazon SQS, "SendMessage", `MessageBody`. */
const SQS_REFUSED = /[\ufffe\uffff]/g;

/** The text itself where SQS takes it as a group or deduplication id, else its hash. */
export function sqsId(text: string): string {
  return SQS_ID.test(text) ? text : createHash('sha256').update(text).digest('hex');
}

/** JSON of a value, in characters that SQS takes: of other texts, only surrogates that stand alone change. */
export function sqsBody(value: object): string {
  return JSON.stringify(value, (_member, part: unknown) => typeof part === 'string' ? wellFormed(part) : part)
    .replace(SQS_REFUSED, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}
