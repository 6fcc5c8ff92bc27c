/* eslint-disable no-bitwise -- four bytes are looked at in one go */
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Four of the byte, as an integer. */
const four = (byte: number): number => byte | byte << 8 | byte << 16 | byte << 24;

const FOUR_SPACES = four(0x20);
const FOUR_QUOTES = four(QUOTE);
const FOUR_BACKSLASHES = four(BACKSLASH);
const FOUR_ONES = four(0x01);
const FOUR_HIGH_BITS = four(0x80);

/** Lines of a text. */
export interface ScannedLines {
  /** Line feeds. */
  readonly lineFeeds: number;
  /** Lines, from 0, with a quote, a backslash or a control character: what CSV or JSON treats specially. A line's end is none. */
  readonly special: readonly number[];
}

/**
 * Finds the lines of a text in UTF-8 that need care. Most bytes of most texts are ordinary, so four are looked at in one go:
 * to look at each, or at each field later, takes as long as parsing them.
 * Source: Sean Eron Anderson, "Bit Twiddling Hacks", "Determine if a word has a byte less than n" and "… has a zero byte".
 */
export function scanLines(bytes: Buffer): ScannedLines {
  const special: number[] = [];
  let lineFeeds = 0;
  const look = (index: number): void => {
    const byte = bytes[index];
    if (byte === LINE_FEED) {
      lineFeeds += 1;
    } else if ((byte < 0x20 || byte === QUOTE || byte === BACKSLASH) && !(byte === CARRIAGE_RETURN && bytes[index + 1] === LINE_FEED)
      && special[special.length - 1] !== lineFeeds) {
      special.push(lineFeeds);
    }
  };
  // Integers begin at multiples of four in memory.
  const unaligned = Math.min((4 - bytes.byteOffset % 4) % 4, bytes.length);
  const count = Math.floor((bytes.length - unaligned) / 4);
  const words = count === 0 ? new Int32Array() : new Int32Array(bytes.buffer, bytes.byteOffset + unaligned, count);
  for (let index = 0; index < unaligned; index++) {
    look(index);
  }
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    const quotes = word ^ FOUR_QUOTES;
    const backslashes = word ^ FOUR_BACKSLASHES;
    if ((((word - FOUR_SPACES) & ~word) | ((quotes - FOUR_ONES) & ~quotes) | ((backslashes - FOUR_ONES) & ~backslashes)) & FOUR_HIGH_BITS) {
      const index = unaligned + at * 4;
      look(index);
      look(index + 1);
      look(index + 2);
      look(index + 3);
    }
  }
  for (let index = unaligned + words.length * 4; index < bytes.length; index++) {
    look(index);
  }
  return { lineFeeds, special };
}
