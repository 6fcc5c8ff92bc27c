import { CampaignConfig } from '../../../src/contract/campaigns';
import { InputProblem } from '../../../src/contract/segments';
import { MAX_INPUT_BYTES, hashOfInput, readCampaignInput, runIdOf } from '../../../src/domain/campaigns/campaign-input';

const NOW = Date.parse('2026-11-23T03:00:00Z');
const CONFIG: CampaignConfig = {
  runner: 'Campaigns', takesChunks: true, maxEndpoints: 50, pauseAtRefusedPercent: 10, canary: 'AUTO', retentionDays: 90,
};
const NEEDS = { vip: [], tagged: ['tag'], segments: ['segment'], lists: ['key'] } as const;
const START = { campaign: 'spring-sale', source: 'vip', message: { data: 'Hello' }, clientToken: 't' };

function read(json: unknown, context: { config?: CampaignConfig; clientToken?: string } = {}) {
  return readCampaignInput(json, { needs: NEEDS, config: CONFIG, now: NOW, ...context });
}

function problems(json: unknown): readonly InputProblem[] {
  const result = read(json);
  return 'problems' in result ? result.problems : [];
}

function input(json: unknown, context = {}) {
  const result = read(json, context);
  if ('problems' in result) {
    throw new Error(JSON.stringify(result.problems));
  }
  return result.input;
}

test('of 250,000 unknown members the first twenty are told, in no time', () => {
  const many = Object.fromEntries(Array.from({ length: 250_000 }, (_, index) => [`campaigm${index}`, 1]));
  const started = performance.now();
  expect(problems({ ...START, ...many })).toHaveLength(20);
  expect(problems({ ...START, source: { name: 'segments', segment: many } })).toHaveLength(20);
  expect(performance.now() - started).toBeLessThan(20_000);
});

describe('an input that is right', () => {
  test('gets every default', () => {
    expect(input(START)).toEqual({
      kind: 'SEND',
      campaign: 'spring-sale',
      source: { name: 'vip' },
      treatments: [{ name: '0', weight: 1, data: 'Hello' }],
      holdoutPercent: 0,
      canary: 'AUTO',
      quietHours: 'CONTINUE',
      pauseAtRefusedPercent: 10,
      clientToken: 't',
    });
  });

  test('may say everything', () => {
    expect(input({
      action: 'start',
      campaign: '春の セール_2026.1',
      source: { name: 'tagged', tag: '会員' },
      treatments: [
        { name: 'a', weight: 3, message: { data: { type: 'text', text: 'A' } } },
        { name: 'B-2', message: { template: 'spring/b', version: 'v1' } },
        { name: 'c', weight: 1, message: { data: [{ type: 'text', text: 'C' }] } },
      ],
      holdoutPercent: 12.5,
      options: { canary: 'CONFIRM', quietHours: 'DROP', pauseAtRefusedPercent: 100, maxDurationMinutes: 90 },
      schedule: { at: '2026-12-01T09:00', timeZone: 'Asia/Tokyo' },
      clientToken: 'spring',
      startedBy: 'ops',
    })).toEqual({
      kind: 'SEND',
      campaign: '春の セール_2026.1',
      source: { name: 'tagged', tag: '会員' },
      treatments: [
        { name: 'a', weight: 3, data: '{"type":"text","text":"A"}' },
        { name: 'B-2', weight: 1, data: '{"template":"spring/b","version":"v1"}' },
        { name: 'c', weight: 1, data: '[{"type":"text","text":"C"}]' },
      ],
      holdoutPercent: 12.5,
      canary: 'CONFIRM',
      quietHours: 'DROP',
      pauseAtRefusedPercent: 100,
      maxDurationMinutes: 90,
      startAt: '2026-12-01T00:00:00.000Z',
      clientToken: 'spring',
      startedBy: 'ops',
    });
  });

  test('takes what the runner is set to', () => {
    expect(input(START, { config: { ...CONFIG, canary: 'OFF', pauseAtRefusedPercent: 5, maxDurationMinutes: 60 } })).toMatchObject({
      canary: 'OFF', pauseAtRefusedPercent: 5, maxDurationMinutes: 60,
    });
  });

  test('tells a source what it is to be told', () => {
    const Dimensions = { Attributes: { plan: { AttributeType: 'INCLUSIVE', Values: ['gold'] } } };
    expect(input({ ...START, source: { name: 'segments', segment: { Dimensions } } }).source).toEqual({ name: 'segments', segment: { Dimensions } });
    expect(input({ ...START, source: { name: 'lists', key: 'lists/春.csv' } }).source).toEqual({ name: 'lists', key: 'lists/春.csv' });
  });

  test('an estimate needs no message, and a message that it has is only checked', () => {
    const { message, clientToken, ...estimate } = START;
    expect(input({ ...estimate, action: 'estimate' }, { clientToken: 'request/1' })).toMatchObject({ kind: 'ESTIMATE', treatments: [], clientToken: 'request/1' });
    expect(input({ ...START, action: 'estimate' }).treatments).toEqual([]);
    expect(problems({ ...START, action: 'estimate', message: {} })).toMatchObject([{ path: 'message' }]);
  });

  test('what is done at once has its schedule checked, and not used', () => {
    const schedule = { at: '2026-12-01T09:00', timeZone: 'Asia/Tokyo' };
    expect(input({ ...START, action: 'dryRun', schedule })).not.toHaveProperty('startAt');
    expect(problems({ ...START, action: 'dryRun', schedule: { at: '2025-12-01T09:00', timeZone: 'Asia/Tokyo' } })).toMatchObject([{ path: 'schedule.at' }]);
  });

  test('a text is sent as it is, but for surrogates that stand alone', () => {
    expect(input({ ...START, message: { data: ' 🌸\ud800 {{x}}\n' } }).treatments[0].data).toBe(' 🌸\ufffd {{x}}\n');
  });
});

const two = (...others: object[]) => ({ ...START, message: undefined, treatments: [{ name: 'a', message: { data: 'A' } }, ...others] });

describe('an input that is wrong', () => {
  test.each<[string, unknown, string, string | RegExp]>([
    ['a list', [], '', /^must be a JSON object, got \[\]/],
    ['nothing', undefined, '', /got nothing/],
    ['no campaign', { ...START, campaign: undefined }, 'campaign', /got nothing: write the campaign's name/],
    ['a campaign with a slash', { ...START, campaign: 'a/b' }, 'campaign', /got "a\/b"/],
    ['a mistyped member', { ...START, mesage: {} }, 'mesage', 'is not known here: write message'],
    ['a member that means nothing', { ...START, colour: 1 }, 'colour', /leave it out, or write one of action, campaign/],
    ['a source that is not there', { ...START, source: 'vips' }, 'source', /must be the name of a source that the runner has, got "vips": write vip/],
    ['a source by the name of what every object has', { ...START, source: 'constructor' }, 'source', /write one of vip, tagged/],
    ['a source without a name', { ...START, source: {} }, 'source.name', /got nothing/],
    ['a source that is a number', { ...START, source: 3 }, 'source', /got 3/],
    ['a tag that the source does not take', { ...START, source: { name: 'vip', tag: 'x' } }, 'source.tag', /left out, because source vip is not told a tag/],
    ['no tag', { ...START, source: 'tagged' }, 'source.tag', /must be a tag.*got nothing/],
    ['a tag that is none', { ...START, source: { name: 'tagged', tag: 'a#b' } }, 'source.tag', /got "a#b"/],
    ['no key', { ...START, source: { name: 'lists' } }, 'source.key', /must be the key of an object/],
    ['a key that is too long', { ...START, source: { name: 'lists', key: '春'.repeat(342) } }, 'source.key', /at most 1024 bytes/],
    ['no segment', { ...START, source: 'segments' }, 'source.segment', /got nothing/],
    ['a segment with a mistake', { ...START, source: { name: 'segments', segment: { Dimensions: { Attributes: { a: { AttributeType: 'IS', Values: ['b'] } } } } } },
      'source.segment.Dimensions.Attributes.a.AttributeType', /INCLUSIVE/],
    ['no message', { ...START, message: undefined }, 'message', /must be an object, got nothing/],
    ['a message that is a text', { ...START, message: 'Hello' }, 'message', /got "string": write \{"data":"…"\}/],
    ['a message without content', { ...START, message: {} }, 'message', /has neither/],
    ['a message with both', { ...START, message: { data: 'x', template: 'y' } }, 'message', /has both/],
    ['blank data', { ...START, message: { data: ' \n' } }, 'message.data', /got "a blank text"/],
    ['data that is a number', { ...START, message: { data: 5 } }, 'message.data', /got "number"/],
    ['a version of data', { ...START, message: { data: 'x', version: 'v' } }, 'message.version', /version of a template/],
    ['a template without a name', { ...START, message: { template: '' } }, 'message.template', /name of a template/],
    ['a version that is none', { ...START, message: { template: 'x', version: 1 } }, 'message.version', /version id/],
    ['message and treatments', { ...START, treatments: two().treatments }, 'message', /must be left out/],
    ['no treatments', { ...START, message: undefined, treatments: [] }, 'treatments', /a list of 1 to 5, got "0 treatments"/],
    ['six treatments', { ...START, message: undefined, treatments: Array.from({ length: 6 }, (_, name) => ({ name: `${name}`, message: { data: 'x' } })) }, 'treatments', /got "6 treatments"/],
    ['a treatment that is a text', two('b' as never), 'treatments[1]', /must be an object/],
    ['a treatment with a slash', two({ name: 'b/c', message: { data: 'x' } }), 'treatments[1].name', /got "b\/c"/],
    ['two treatments of one name', two({ name: 'a', message: { data: 'x' } }), 'treatments[1].name', /another name/],
    ['half a weight', two({ name: 'b', weight: 0.5, message: { data: 'x' } }), 'treatments[1].weight', /whole number from 1/],
    ['a treatment without a message', two({ name: 'b' }), 'treatments[1].message', /must be an object/],
    ['a mistyped member of a treatment', two({ name: 'b', wieght: 1, message: { data: 'x' } }), 'treatments[1].wieght', 'is not known here: write weight'],
    ['three decimals', { ...START, holdoutPercent: 0.125 }, 'holdoutPercent', /two decimals/],
    ['everybody held out', { ...START, holdoutPercent: 100 }, 'holdoutPercent', /from 0 to 99/],
    ['options that are a list', { ...START, options: [] }, 'options', /must be an object/],
    ['a canary that is none', { ...START, options: { canary: true } }, 'options.canary', /one of OFF, AUTO, CONFIRM, got true/],
    ['quiet hours that are none', { ...START, options: { quietHours: 'WAIT' } }, 'options.quietHours', /one of CONTINUE, DROP, IGNORE/],
    ['a threshold of nothing', { ...START, options: { pauseAtRefusedPercent: 0 } }, 'options.pauseAtRefusedPercent', /above 0/],
    ['a duration of nothing', { ...START, options: { maxDurationMinutes: 0 } }, 'options.maxDurationMinutes', /from 1 to 44640/],
    ['a schedule that is a text', { ...START, schedule: 'tomorrow' }, 'schedule', /must be an object/],
    ['no token', { ...START, clientToken: undefined }, 'clientToken', /got nothing: write one that is new for each campaign/],
    ['a blank token', { ...START, clientToken: ' ' }, 'clientToken', /1 to 128/],
    ['a token of two lines', { ...START, clientToken: 'a\nb' }, 'clientToken', /1 to 128/],
    ['nobody who started it', { ...START, startedBy: '' }, 'startedBy', /1 to 128/],
  ])('%s', (_name, json, path, message) => {
    const found = problems(json);
    expect(found).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  test('says everything at once', () => {
    expect(problems({ campaign: 1, source: 2, messages: {} }).map(({ path }) => path)).toEqual(['messages', 'campaign', 'source', 'message', 'clientToken']);
  });

  test('values are cut short, and messages are not repeated', () => {
    expect(problems({ ...START, campaign: 'x'.repeat(5_000) })[0].message.length).toBeLessThan(400);
    expect(JSON.stringify(problems({ ...START, clientToken: 5, message: { data: 'a secret', version: 'v', extra: 'a secret' } }))).not.toContain('a secret');
  });

  test('is refused when it is too large, before it is read', () => {
    const large = { ...START, message: { data: 'あ'.repeat(MAX_INPUT_BYTES / 3) } };
    expect(problems(large)).toEqual([{ path: '', message: expect.stringMatching(/has 52\d{5} bytes as JSON and may have 5242880/) }]);
  });
});

describe('ids', () => {
  test('are a hash of the token, of what it is for, and of the runner', () => {
    expect(runIdOf('t', 'SEND', 'Campaigns')).toBe('run-d3cce9b4ae172d24284c0e0e');
    expect(new Set([runIdOf('t', 'SEND', 'Campaigns'), runIdOf('t', 'DRY_RUN', 'Campaigns'), runIdOf('t', 'ESTIMATE', 'Campaigns')]).size).toBe(3);
    expect(runIdOf('t', 'SEND', 'Others')).not.toBe(runIdOf('t', 'SEND', 'Campaigns'));
    expect(runIdOf('t', 'DRY_RUN', 'Campaigns')).toMatch(/^run-[0-9a-f]{24}$/);
  });

  test('equal inputs have equal hashes, in any order and by anybody', () => {
    const { campaign, ...rest } = START;
    const again = { ...rest, message: { data: 'Hello' }, startedBy: 'somebody else', campaign, action: 'start', clientToken: 'other' };
    expect(hashOfInput(again)).toBe(hashOfInput(START));
    for (const other of [{ message: { data: 'Hallo' } }, { action: 'dryRun' }, { source: { name: 'vip' } }, { holdoutPercent: 0 }, { treatments: [1, 2] }]) {
      expect(hashOfInput({ ...START, ...other })).not.toBe(hashOfInput(START));
    }
    expect(hashOfInput({ treatments: [1, 2] })).not.toBe(hashOfInput({ treatments: [2, 1] }));
  });
});
