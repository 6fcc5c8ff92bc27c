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
  /** Name of the rule, for logs and for the queued event. */
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
  readonly event: { readonly type: string; readonly [member: string]: unknown };
}

/** What it answers: content in the grammar of `Data`, or nothing. */
export interface ReplyFunctionAnswer {
  readonly data?: string;
}
