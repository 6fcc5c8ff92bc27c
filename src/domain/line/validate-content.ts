import { LineApi } from './line-api';
import { isJsonObject } from './line-message';
import { SendErrorCode } from '../../contract/custom-channel';

/** What LINE says about content that would be sent. `unavailable`: nothing, which is no reason not to send. */
export type ContentValidity = 'valid' | 'unavailable' | { readonly code: SendErrorCode.LINE_REFUSED_CONTENT; readonly message: string };

/** Places that a message lists, and their length. LINE's largest message has some hundred. */
const MAX_PLACES = 10;
const MAX_PLACE_LENGTH = 100;
const MAX_SUMMARY_LENGTH = 200;

/**
 * Asks LINE whether it would take messages; nothing is sent and no quota used. Never throws.
 * Source: LINE, Messaging API reference, "Validate message objects of a multicast message".
 *
 * @param body JSON of `{"messages":[…]}`, exact bytes
 * @param timeoutMs milliseconds for the answer
 * @returns refused on a 400 or 413, with LINE's summary and the places that it names, without its texts about them, which may
 * quote content
 */
export async function validateContent(line: LineApi, body: string, timeoutMs: number): Promise<ContentValidity> {
  const answer = await line.call({ method: 'POST', path: '/v2/bot/message/validate/multicast', body, timeoutMs });
  // Without LINE's request id it is the answer of something between here and LINE.
  if (answer.kind !== 'response' || !answer.requestId) {
    return 'unavailable';
  }
  switch (answer.status) {
    case 200: return 'valid';
    case 400:
    case 413: return { code: SendErrorCode.LINE_REFUSED_CONTENT, message: `LINE refuses the messages (${answer.status})${lineFindings(answer.body)}` };
    default: return 'unavailable';
  }
}

/**
 * LINE's summary of what is wrong with a request and the places that it names, without its texts about them, which may quote content.
 *
 * @param text body of the answer
 * @returns a text that continues a sentence; empty when LINE says nothing
 */
export function lineFindings(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return '';
  }
  if (!isJsonObject(body)) {
    return '';
  }
  const { message, details } = body;
  const places = (Array.isArray(details) ? details : []).flatMap((detail: unknown) => {
    const property = isJsonObject(detail) ? detail.property : undefined;
    return typeof property === 'string' && property !== '' ? [property.slice(0, MAX_PLACE_LENGTH)] : [];
  });
  const distinct = [...new Set(places)];
  const more = distinct.length > MAX_PLACES ? ` and ${distinct.length - MAX_PLACES} more` : '';
  return (typeof message === 'string' && message !== '' ? `: ${message.slice(0, MAX_SUMMARY_LENGTH)}` : '')
    + (distinct.length > 0 ? ` [at ${distinct.slice(0, MAX_PLACES).join(', ')}${more}]` : '');
}
