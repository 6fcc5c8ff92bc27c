import { isObject, isText } from './line-event';
import { ReplyMatch, ReplyRule, replyText } from '../../contract/replies';
import { LineEvent } from '../../contract/webhook-events';

/** Names the rule that an event is answered by; undefined when it gets no reply. Never throws. */
export type ReplyMatcher = (event: LineEvent) => string | undefined;

/** Characters of a message that are looked at: LINE's apps send no longer ones, and a request must not take longer for it. */
const MAX_TEXT = 10_000;

/** Far more characters than LINE's reply tokens have. */
const MAX_TOKEN_LENGTH = 1_000;

/** What of an event rules are compared with. */
interface Subject {
  readonly kind: 'follow' | 'text' | 'postback';
  /** The text as `replyText` has it, or the postback's data. */
  readonly value: string;
  /** Between one person and the bot. */
  readonly isDirect: boolean;
}

/**
 * Which rule answers an event: the first that is for it; one of the kind `other` only when no other is, wherever it stands, and
 * never in a group or a room, where it would answer every word that people say to each other.
 *
 * Events without a reply token get no reply, nor do those that come while another channel holds the conversation.
 * Source: LINE, Messaging API reference, "Common properties", `mode`; "Send reply message".
 */
export function replyMatcher(rules: readonly Pick<ReplyRule, 'id' | 'match'>[]): ReplyMatcher {
  const tests = [...rules.filter(({ match }) => match.kind !== 'other'), ...rules.filter(({ match }) => match.kind === 'other')]
    .map(({ id, match }) => ({ id, isFor: testOf(match) }));
  return (event) => {
    const subject = tests.length > 0 && isAnswerable(event) ? subjectOf(event) : undefined;
    return subject && tests.find(({ isFor }) => isFor(subject))?.id;
  };
}

/** Whether the bot may speak, and has a token to do so. */
export function isAnswerable({ mode, replyToken }: LineEvent): boolean {
  return mode !== 'standby' && isText(replyToken, MAX_TOKEN_LENGTH);
}

/** Whether an event is between one person and the bot, not in a group or a room. */
export function isDirect({ source }: LineEvent): boolean {
  return isObject(source) && source.type === 'user';
}

function subjectOf(event: LineEvent): Subject | undefined {
  const { type, message, postback } = event;
  const subject = { isDirect: isDirect(event) };
  if (type === 'follow') {
    return { ...subject, kind: 'follow', value: '' };
  }
  if (type === 'message' && isObject(message) && message.type === 'text' && typeof message.text === 'string') {
    return { ...subject, kind: 'text', value: replyText(message.text.slice(0, MAX_TEXT)) };
  }
  if (type === 'postback' && isObject(postback) && typeof postback.data === 'string') {
    return { ...subject, kind: 'postback', value: postback.data };
  }
  return undefined;
}

function testOf(match: ReplyMatch): (subject: Subject) => boolean {
  switch (match.kind) {
    case 'follow': return ({ kind }) => kind === 'follow';
    case 'text': {
      const keywords = new Set(match.keywords?.map(replyText));
      const parts = (match.contains ?? []).map(replyText);
      return ({ kind, value }) => kind === 'text' && (keywords.has(value) || parts.some((part) => value.includes(part)));
    }
    case 'postback': {
      const data = new Set(match.data);
      const { prefix } = match;
      return ({ kind, value }) => kind === 'postback' && (data.has(value) || (prefix !== undefined && value.startsWith(prefix)));
    }
    // A newer rule, which an older receiver does not know yet, is for nothing.
    default: return ({ kind, isDirect: direct }) => match.kind === 'other' && kind !== 'follow' && direct;
  }
}
