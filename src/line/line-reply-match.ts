import { Token } from 'aws-cdk-lib';
import { MAX_REPLY_MATCH_LENGTH, ReplyMatch, replyText } from '../contract/replies';

/**
 * Which messages and postbacks a reply is for. Texts are compared without regard to case, full and half width, and space at their
 * ends; postback data as they are. Of several rules that are for an event the first one replies.
 */
export abstract class LineReplyMatch {
  /**
   * Messages whose whole text is one of these.
   *
   * @param keywords such as `opening hours`
   */
  public static keywords(...keywords: string[]): LineReplyMatch {
    return new Match({ kind: 'text', keywords: texts('keywords', keywords) });
  }

  /**
   * Messages whose text has one of these in it, also inside a word.
   *
   * @param parts such as `refund`
   */
  public static contains(...parts: string[]): LineReplyMatch {
    return new Match({ kind: 'text', contains: texts('contains', parts) });
  }

  /**
   * Postbacks whose data is one of these: taps on a button with a postback action, in a message or a rich menu.
   *
   * @param data such as `action=hours`
   */
  public static postback(...data: string[]): LineReplyMatch {
    return new Match({ kind: 'postback', data: checked('postback', data) });
  }

  /**
   * Postbacks whose data begins so.
   *
   * @param prefix such as `action=hours&`
   */
  public static postbackPrefix(prefix: string): LineReplyMatch {
    return new Match({ kind: 'postback', prefix: checked('postbackPrefix', [prefix])[0] });
  }

  /**
   * Every text message and postback that no other rule is for, wherever this one stands; not in groups and rooms, where it would
   * answer whatever people say to each other.
   */
  public static anything(): LineReplyMatch {
    return new Match({ kind: 'other' });
  }

  /**
   * The match as functions read it.
   *
   * @internal
   */
  public abstract readonly _match: ReplyMatch;
}

class Match extends LineReplyMatch {
  constructor(public readonly _match: ReplyMatch) {
    super();
  }
}

function texts(factory: string, values: string[]): string[] {
  return [...new Set(checked(factory, values).map(replyText))];
}

function checked(factory: string, values: string[]): string[] {
  if (values.length === 0) {
    throw new Error(`LineReplyMatch.${factory}() must be given at least one text, got none: for every message use LineReplyMatch.anything()`);
  }
  for (const value of values) {
    if (Token.isUnresolved(value) || value.trim() === '' || value.length > MAX_REPLY_MATCH_LENGTH) {
      const got = Token.isUnresolved(value) ? 'a token' : `'${value.slice(0, 200)}' of ${value.length}`;
      throw new Error(`a text of LineReplyMatch.${factory}() must be known at synth and have 1 to ${MAX_REPLY_MATCH_LENGTH} characters that are not all space, got ${got}`);
    }
  }
  return values;
}
