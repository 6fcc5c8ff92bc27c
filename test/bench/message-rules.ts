import { Figure, median } from './figures';
import type { LineMessage } from '../../src/domain/line/line-message';
import { checkMessages } from '../../src/domain/line/message-rules';

/** Of which the first half warms up both. */
const ROUNDS = 202;

/** Kept so that no engine may leave out the work. */
let results = 0;

/** Checking the largest message that LINE takes, against reading the same text; both warm, in turns. */
export async function benchMessageRules(): Promise<Figure[]> {
  const message = largestCarousel();
  const text = JSON.stringify(message);
  const wrong = checkMessages([message]);
  if (wrong) {
    throw new Error(`the benchmark's own message is refused: ${wrong.message}`);
  }
  const parse: number[] = [];
  const check: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    parse.push(timed(() => { results += (JSON.parse(text) as LineMessage).type.length; }));
    check.push(timed(() => { results += checkMessages([message]) ? 1 : 0; }));
  }
  const [parseMs, checkMs] = [parse, check].map((times) => median(times.slice(ROUNDS / 2)));
  return [{
    name: 'validation of a 50 KB flex carousel ÷ JSON.parse of the same text',
    unit: '×',
    target: 25,
    measured: checkMs / parseMs,
    detail: `${checkMs.toFixed(2)} ms against ${parseMs.toFixed(2)} ms, ${Buffer.byteLength(text)} bytes, medians of ${ROUNDS / 2}`,
  }];
}

function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** 12 bubbles of a shop's kind with Japanese text, filled up to LINE's 50 KB. */
function largestCarousel(): LineMessage {
  const limit = 50 * 1024;
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  const rows: object[][] = Array.from({ length: 12 }, () => []);
  const carousel = { type: 'carousel', contents: rows.map((contents, index) => bubble(index, contents)) };
  const row = product(0);
  for (let count = 0; bytes(carousel) + bytes(row) + 64 <= limit; count++) {
    rows[count % rows.length].push(row);
  }
  const filling = { type: 'text', text: '.' };
  rows[0].push(filling);
  filling.text = '.'.repeat(1 + limit - bytes(carousel));
  return { type: 'flex', altText: '春のセール', contents: carousel };
}

function bubble(index: number, contents: object[]): object {
  return {
    type: 'bubble',
    size: 'kilo',
    hero: { type: 'image', url: `https://media.example.com/image/null/hero-${index}.png`, size: 'full', aspectRatio: '20:13', aspectMode: 'cover' },
    body: { type: 'box', layout: 'vertical', spacing: 'md', contents },
    footer: {
      type: 'box',
      layout: 'vertical',
      contents: [{
        type: 'button',
        style: 'primary',
        color: '#00b900',
        action: { type: 'uri', label: `今すぐ見る 🌸 ${index}`, uri: `https://shop.example.com/spring?item=${index}` },
      }],
    },
  };
}

function product(index: number): object {
  return {
    type: 'box',
    layout: 'baseline',
    spacing: 'sm',
    contents: [
      { type: 'icon', url: 'https://media.example.com/image/null/star.png', size: 'sm' },
      { type: 'text', text: `限定クーポン ${index}`, weight: 'bold', size: 'sm', color: '#333333', flex: 4, wrap: true },
      { type: 'text', text: '¥1,980', size: 'sm', align: 'end', color: '#999999', decoration: 'line-through', flex: 2 },
    ],
  };
}
