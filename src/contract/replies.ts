/**
 * Replies by the free reply token. The receiver matches a message's text before the text is taken away, and names the rule in the
 * queued event; the text itself goes no further. Fields are only ever added.
 */

/** Which events a rule is for. `keywords`: the whole text, without regard to case, width and surrounding space; `contains`: a part of it. */
export type ReplyMatch =
  | { readonly kind: 'follow' }
  | { readonly kind: 'text'; readonly keywords?: readonly string[]; readonly contains?: readonly string[] }
  /** Postback data, whole, or its beginning. */
  | { readonly kind: 'postback'; readonly data?: readonly string[]; readonly prefix?: string }
  /** Every text or postback that no rule before it is for. */
  | { readonly kind: 'other' };

export interface ReplyRule {
  /** Name of the rule, for logs and for the queued event: letters, digits, `-` and `_`, at most 64. It says nothing of what somebody wrote. */
  readonly id: string;
  readonly match: ReplyMatch;
  /** Content in the grammar of `Data`; or else: */
  readonly data?: string;
  /** Name of the function that is invoked with `ReplyFunctionEvent` and answers with content, or null for no reply. */
  readonly functionName?: string;
}

/** What a reply function is invoked with. */
export interface ReplyFunctionEvent {
  readonly rule: string;
  readonly channelKey: string;
  /** LINE user id, if LINE says it. */
  readonly userId?: string;
  /** The event as it is on the bus, without its reply token, which is the channel's to use. */
  readonly event: { readonly type: string; readonly [member: string]: unknown };
}

/** What it answers: content in the grammar of `Data`, or nothing. */
export interface ReplyFunctionAnswer {
  readonly data?: string;
}

/** Bytes of all rules' JSON together: they are in environment variables, of which a function has 4 KB. Source: AWS Lambda, "Lambda quotas". */
export const MAX_REPLIES_BYTES = 2_500;

/** Characters of a keyword or of postback data. Source: LINE, Messaging API reference, "Postback action", `data`. */
export const MAX_REPLY_MATCH_LENGTH = 300;

/** A text as keywords are compared: without regard to width, case and space at its ends. */
export function replyText(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}
