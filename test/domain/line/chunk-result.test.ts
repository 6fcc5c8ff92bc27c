import { ChunkSendResult, ObjectPlace } from '../../../src/contract/chunk-send';
import { ChunkReport, saveResult } from '../../../src/domain/line/chunk-result';
import { RecordedTelemetry } from '../../support/recorded-telemetry';

const PLACE: ObjectPlace = { Bucket: 'runs', Key: 'result' };

function report(pending: number, ambiguous: number, accepted: number = 0): ChunkReport {
  const result: ChunkSendResult = {
    runId: 'r',
    recipients: 1_000,
    counts: { accepted, skipped: 0, failed: 0, unknown: 0, pending },
    undone: pending > 0 ? ['b1'] : [],
    ...(ambiguous > 0 && { ambiguous }),
  };
  return { result, lines: [] };
}

/** Saves over what is there, as of an invocation that was kept up; the journal says `again` by then. */
async function saved(
  there: ChunkReport, mine: ChunkReport, again: ChunkReport,
): Promise<{ first: ChunkSendResult; asked: number; answer: ChunkSendResult }> {
  let object = `${JSON.stringify(there.result)}\n`;
  let version = 1;
  let asked = 0;
  const answer = await saveResult(PLACE, mine, {
    objects: {
      firstLine: async () => ({ text: object.split('\n')[0], version: `${version}` }),
      write: async (_place, text, over) => {
        if (over !== `${version}`) {
          return false;
        }
        object = text;
        version++;
        return true;
      },
    },
    telemetry: new RecordedTelemetry(),
    lookAgain: async () => {
      asked++;
      return again;
    },
  });
  return { first: JSON.parse(object.split('\n')[0]), asked, answer: answer.result };
}

describe('a result over one that says otherwise who may have got the message', () => {
  test('of an invocation that looked before the requests went out does not take the doubt away', async () => {
    const { first, answer } = await saved(report(500, 500), report(500, 0), report(500, 500));
    expect([first.ambiguous, answer.ambiguous]).toEqual([500, 500]);
  });

  test('also when it knows of others who are decided', async () => {
    const { first } = await saved(report(1_000, 500), report(500, 0, 500), report(500, 500, 500));
    expect(first).toMatchObject({ counts: { accepted: 500, pending: 500 }, ambiguous: 500 });
  });

  test('does not lose its own doubt to one that knows of others who are decided', async () => {
    const { first } = await saved(report(500, 0, 500), report(1_000, 500), report(500, 500, 500));
    expect(first).toMatchObject({ counts: { accepted: 500, pending: 500 }, ambiguous: 500 });
  });

  test('takes away a doubt that the journal does not have any more', async () => {
    const { first } = await saved(report(500, 500), report(500, 0), report(500, 0));
    expect(first.ambiguous).toBeUndefined();
  });

  test.each([['nobody is undone', report(500, 500), report(0, 0, 1_000)], ['both agree', report(500, 500), report(500, 500)]])('asks nobody when %s', async (_case, there, mine) => {
    const { first, asked } = await saved(there, mine, mine);
    expect(asked).toBe(0);
    expect(first).toEqual(mine.result);
  });
});
