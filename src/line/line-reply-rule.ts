import { LineReply } from './line-reply';
import { LineReplyMatch } from './line-reply-match';

/** What is replied to which messages and postbacks. */
export interface LineReplyRule {
  /** Which messages and postbacks it is for. */
  readonly match: LineReplyMatch;

  /** What is replied. */
  readonly reply: LineReply;

  /**
   * Name of the rule, in logs and for reply functions: letters, digits, `-` and `_`, at most 64. It passes the queue and the bus, so
   * it must not say more of people's messages than you want there.
   *
   * @default - made of what it is for, not readable
   */
  readonly name?: string;
}
