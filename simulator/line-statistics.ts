import type { Delivery } from './line-platform';

/** What people did with what they received. */
export interface Engagement {
  /** Deliveries that were displayed. */
  readonly displayed: ReadonlySet<Delivery>;
  /** URLs of a delivery that were opened, as often as they were. */
  readonly opened: ReadonlyMap<Delivery, readonly string[]>;
}

/** Fewer people than this are not told. Source: LINE, Messaging API reference, "Get statistics per unit". */
const LEAST_TOLD = 20;

/** Source: as above; the figures of audio and video are told as those of nobody, since nothing is played here. */
const MEDIA = ['', '25Percent', '50Percent', '75Percent', '100Percent'];

const told = (count: number) => (count < LEAST_TOLD ? null : count);
const people = (deliveries: readonly Delivery[]) => new Set(deliveries.map(({ to }) => to)).size;

/** The answer about some deliveries. Of a bubble that nobody received nothing is said. */
export function unitStatistics(deliveries: readonly Delivery[], { displayed, opened }: Engagement): object {
  const seen = deliveries.filter(delivery => displayed.has(delivery));
  const clicks = deliveries.flatMap(delivery => (opened.get(delivery) ?? []).map(url => ({ delivery, url })));
  const bubbles = Math.max(0, ...deliveries.map(({ messages }) => messages.length));
  return {
    overview: {
      uniqueImpression: told(people(seen)),
      uniqueClick: told(people(clicks.map(({ delivery }) => delivery))),
      uniqueMediaPlayed: null,
      uniqueMediaPlayed100Percent: null,
    },
    messages: Array.from({ length: bubbles }, (_, index) => {
      const shown = seen.filter(({ messages }) => messages.length > index);
      const unique = told(people(shown));
      return {
        seq: index + 1,
        // Both are told by the number of people, so that no figure gives a small one away.
        impression: unique === null ? null : shown.length,
        ...Object.fromEntries(MEDIA.flatMap(part => [[`mediaPlayed${part}`, null], [`uniqueMediaPlayed${part}`, null]])),
        uniqueImpression: unique,
      };
    }),
    clicks: [...new Set(clicks.map(({ url }) => url))].map(url => {
      const ofUrl = clicks.filter(click => click.url === url).map(({ delivery }) => delivery);
      // Which bubble a link was in is not kept: it counts for the first.
      const unique = told(people(ofUrl));
      return { seq: 1, url, click: unique === null ? null : ofUrl.length, uniqueClick: unique, uniqueClickOfRequest: unique };
    }),
  };
}
